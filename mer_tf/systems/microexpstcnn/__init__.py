"""MicroExpSTCNN: one deep 3D convolution on a clip."""
