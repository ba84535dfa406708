"""Bit-exact integer models in NumPy."""
