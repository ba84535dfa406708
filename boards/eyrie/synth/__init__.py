"""Synthesis runs and their reports."""
