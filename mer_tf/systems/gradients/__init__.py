"""Histograms of gradients: HOG3D, HOG-TOP, HIGO-TOP."""
