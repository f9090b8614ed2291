"""Tests of the engines with their real packages."""

import os

os.environ["MLX_ENABLE_TF32"] = "0"  # before mlx is imported, which reads it once: the tests compare numbers
