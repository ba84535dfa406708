"""The row-stationary engine's values: what a tape makes of filters and maps, bit for bit."""
