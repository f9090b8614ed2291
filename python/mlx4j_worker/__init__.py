"""The workers: the protocol, its calls, and the engines on mlx-lm and transformers."""

VERSION = "0.1.0"
PROTOCOL = {"major": 1, "minor": 3}
