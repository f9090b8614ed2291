"""Conversion on mlx: ``convert`` and ``fuse``, from one model folder to another, and the comparison of both."""
