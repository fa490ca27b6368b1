"""ResNet-18 on flow maps."""
