"""mini-AORCNN: small residual network with a bottleneck transformer."""
