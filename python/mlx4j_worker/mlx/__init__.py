"""The mlx-lm engine."""
