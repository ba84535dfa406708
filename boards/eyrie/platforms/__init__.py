"""Boards: what is on them, and what stands around an engine there."""
