"""Residual network of Micro-Attention, plain, with complex attention and with micro-attention; transfer of weights."""
