"""Building blocks shared by the engines."""
