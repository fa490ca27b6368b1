"""Recurrent convolutional networks with parameter-free modules."""
