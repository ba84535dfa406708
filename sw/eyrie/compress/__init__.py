"""Compression, one step a file."""
