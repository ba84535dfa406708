"""One interface to golden model and simulated hardware."""
