"""Histograms of oriented optical flow."""
