"""Training, the same for both engines but for the backend that holds the model: mlx/training.py, hf/training.py."""
