"""Facial dynamics map."""
