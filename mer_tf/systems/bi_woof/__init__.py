"""Bi-WOOF, and with phase."""
