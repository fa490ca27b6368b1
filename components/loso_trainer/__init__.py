"""LosoTrainer: cross-validation by a protocol, one fold an element."""
