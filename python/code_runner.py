"""Calls a function that a model wrote: python -I -S -X utf8 code_runner.py, then a job in JSON on stdin."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))  # -I leaves the script's own folder out

from mlx4j_worker.sandbox import code

sys.exit(code.main())
