"""The row-stationary engine's cycles: what a tape takes, to the cycle, and where it goes."""
