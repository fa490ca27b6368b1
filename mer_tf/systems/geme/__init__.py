"""GEME: gender and micro-expression from one dynamic image."""
