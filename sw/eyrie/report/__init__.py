"""Report pages: one dictionary, written as JSON and as HTML."""
