"""MACNN: residual VGG with dilated convolutions."""
