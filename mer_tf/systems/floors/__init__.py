"""Floors: what a network must beat to have learned anything from the clips."""
