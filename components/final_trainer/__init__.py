"""Trainer: TFX's own, which also reads the cross-validation that the exported model speaks of."""
