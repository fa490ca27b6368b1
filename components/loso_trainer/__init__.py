"""LosoTrainer: leave-one-subject-out cross-validation, one fold an element."""
