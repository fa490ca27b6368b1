"""ELRCN: VGG-16 on every frame of flow, then an LSTM."""
