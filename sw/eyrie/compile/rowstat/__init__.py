"""From convolutional layers in integers to the row-stationary engine's tape and filter words."""
