"""Dual-ATME: two Inception branches on whole-face and puzzle flow."""
