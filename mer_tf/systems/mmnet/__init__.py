"""MMNet: motion branch with continuous attention, position branch with a transformer."""
