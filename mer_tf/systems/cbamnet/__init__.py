"""CBAMNet, its basic network and sub-networks, and the 3D residual network it is compared with."""
