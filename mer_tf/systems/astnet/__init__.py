"""ASTNet: ResNet-18 on flow pictures, attention, ConvLSTM over time."""
