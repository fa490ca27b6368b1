"""KFC-MER: two streams of split-attention blocks, conditioned on the parts of the face."""
