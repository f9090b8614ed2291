"""The mlx-lm worker: python -I -X utf8 -u mlx_worker.py NONCE FOLDER, then the protocol on stdin and stdout."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))  # -I leaves the script's own folder out

from mlx4j_worker import stdio

descriptors = stdio.claim()

from contextlib import contextmanager  # noqa: E402

from mlx4j_worker.imports import required  # noqa: E402
from mlx4j_worker.main import serve  # noqa: E402
from mlx4j_worker.mlx import kernels  # noqa: E402


@contextmanager
def packages():
    """Around the imports of the engine: turns a failure into a hint, and has the compiled kernels ready for MLX."""
    with required("mlx-lm", "mlx4j setup mlx"):
        kernels.restore()
        yield


def load(params, options, progress):
    progress("import", 0, 1, "packages")
    with packages():
        from mlx4j_worker.mlx.loading import load
    return load(params, options, progress)


def job(name):
    def run(call, moved):
        call.progress("import", 0, 1, "packages")
        with packages():
            from mlx4j_worker.mlx.convert import convert
        return getattr(convert, name)(call, moved)

    return run


def inspect(call, moved):
    call.progress("import", 0, 1, "packages")
    with packages():
        from mlx4j_worker.mlx.loading import dry_load
        from mlx4j_worker.models import inspection
    return inspection.inspect(call, dry_load)


def open_training(params, progress):
    progress("import", 0, 1, "packages")
    with packages():
        from mlx4j_worker.mlx.ranks.data_parallel import load_backend
        from mlx4j_worker.training.load import open_session
    return open_session(params, load_backend, progress)


def follow():
    with packages():
        from mlx4j_worker.mlx.ranks.follower import Follower
    return Follower()


def release():
    if "mlx.core" in sys.modules:
        from mlx4j_worker.mlx import wired

        wired.release()


jobs = {"inspect": inspect, **{name: job(name) for name in ("convert", "fuse")}}
code = serve("mlx", descriptors, load, open_training, jobs, follow, release, kernels.made)
if code == 0 and "mlx.core" in sys.modules:
    kernels.save()
os._exit(code)
