"""Networks with convolutions and fully connected layers: integers, and programs for both engines and the host."""
