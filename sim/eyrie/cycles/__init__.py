"""Cycle-exact performance models in NumPy."""
