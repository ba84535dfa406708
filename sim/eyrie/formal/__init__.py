"""Properties of components proven for all inputs and all times, and each shown to fail on a broken variant."""
