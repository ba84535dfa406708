"""Published figures to compare with, each with its source and a mark that says how it is known."""
