"""MDMO and Sparse MDMO."""
