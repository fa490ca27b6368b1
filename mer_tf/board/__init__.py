"""Logs for TensorBoard: what runs write, and the folder in which it shows several of them. They decide no number."""
