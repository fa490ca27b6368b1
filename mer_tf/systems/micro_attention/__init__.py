"""Residual network of seed 002, plain, with complex attention and with micro-attention; transfer of weights."""
