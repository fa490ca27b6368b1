"""Dual-Inception: two streams of Inception blocks on horizontal and vertical flow."""
