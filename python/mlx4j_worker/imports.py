"""Turns a failed import of an engine's packages into an error that says how to install them."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from mlx4j_worker import installed
from mlx4j_worker.errors import DependencyMissing


@contextmanager
def required(packages: Any, fix: Any) -> Iterator[None]:
    """Around the imports of ``packages``; ``fix`` is the command that installs them."""
    try:
        yield
        installed.raise_if_changed()
    except (ImportError, OSError) as error:
        raise DependencyMissing(
            f"{sys.executable} can't import {packages}: {type(error).__name__}: {error}",
            f"Run `{fix}`, or point PYTHON_PATH to an interpreter that has them.",
        ) from error
