"""Training and retraining with PyTorch."""
