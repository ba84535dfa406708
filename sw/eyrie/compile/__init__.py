"""From a network graph to memory images."""
