"""Off-TANet, and the stand-ins for rival networks that its published code holds."""
