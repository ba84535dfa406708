"""Network graphs and their import."""
