"""The private folder of this process, which only its user can enter and which the watchdog removes."""

import os
import tempfile


def claim(folder: str, kind: str) -> str:
    """Make ``folder``, or a new one if it is empty, the place of this process's temporary files; return its path.

    Libraries run code from TMPDIR (MLX keeps compiled kernels there), and other users can write to a shared one.
    """
    folder = folder or tempfile.mkdtemp(prefix=f"mlx4j-{kind}-")  # a rank, which nobody has made one for
    temporary = os.path.join(folder, "tmp")
    os.makedirs(temporary, mode=0o700, exist_ok=True)
    os.environ["TMPDIR"] = temporary
    os.environ["HF_MODULES_CACHE"] = os.path.join(temporary, "modules")  # code of models that is trusted
    os.environ["TRITON_CACHE_DIR"] = os.path.join(temporary, "triton")
    tempfile.tempdir = None  # read TMPDIR again
    return folder
