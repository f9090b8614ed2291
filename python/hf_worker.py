"""The transformers worker: python -I -X utf8 -u hf_worker.py NONCE FOLDER, then the protocol on stdin and stdout."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))  # -I leaves the script's own folder out

from mlx4j_worker import stdio

descriptors = stdio.claim()

from mlx4j_worker.main import serve  # noqa: E402


def load(params, options, progress):
    progress("import", 0, 1, "packages")
    from mlx4j_worker.imports import required

    with required("transformers and torch", "mlx4j setup hf"):
        from mlx4j_worker.hf.loading import load
    return load(params, options, progress)


def reference(call, moved):
    call.progress("import", 0, 1, "packages")
    from mlx4j_worker.imports import required

    with required("transformers and torch", "mlx4j setup hf"):
        from mlx4j_worker.hf.reference import reference
    return reference(call, moved)


def open_training(params, progress):
    progress("import", 0, 1, "packages")
    from mlx4j_worker.imports import required

    with required("transformers and torch", "mlx4j setup hf"):
        from mlx4j_worker.hf.training import load_backend
        from mlx4j_worker.training.load import open_session
    return open_session(params, load_backend, progress)


def inspect(call, moved):
    call.progress("import", 0, 1, "packages")
    from mlx4j_worker.imports import required

    with required("transformers and torch", "mlx4j setup hf"):
        from mlx4j_worker.hf.loading import dry_load
        from mlx4j_worker.models import inspection
    return inspection.inspect(call, dry_load)


os._exit(serve("hf", descriptors, load, open_training, {"inspect": inspect, "reference": reference}))
