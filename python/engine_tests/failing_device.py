"""The mlx worker on a device that fails: what a test runs in place of mlx_worker.py, through ``main``."""

import runpy
from contextlib import contextmanager
from pathlib import Path

FAULT = (
    "[METAL] Command buffer execution failed: Caused GPU Hang Error (00000003:kIOGPUCommandBufferCallbackErrorHang)."
)
SHORT = (
    "[METAL] Command buffer execution failed: Insufficient Memory "
    "(00000008:kIOGPUCommandBufferCallbackErrorOutOfMemory)."
)


def main(where, text, once=None):
    """Runs the mlx worker. An evaluation in it raises ``text``.

    ``where`` is "join": the step in which a request joins one that has a token already; "prefill": that of a prompt of
    more than 100 tokens. With ``once``, a path, it fails only while there is no such file, which it makes.
    """
    from mlx4j_worker import imports

    plain = imports.required

    @contextmanager
    def required(packages, fix):
        with plain(packages, fix):
            yield
            _patch(where, text, once and Path(once))

    imports.required = required
    runpy.run_path(str(Path(__file__).parents[1] / "mlx_worker.py"), run_name="__main__")


def _patch(where, text, once):
    from mlx4j_worker.mlx.batch import Batch

    step, prefill = Batch.step, Batch.prefill

    def fail():
        if once is not None:
            if once.exists():
                return
            once.touch()
        raise RuntimeError(text)

    def failing_step(self, joining, deliver):
        if joining and any(row.generation.tokens for row in self.rows):
            fail()
        step(self, joining, deliver)

    def failing_prefill(self, row, tokens):
        if len(tokens) + max(layer.offset for layer in row.cache) > 100:
            fail()
        prefill(self, row, tokens)

    Batch.step = failing_step if where == "join" else step
    Batch.prefill = failing_prefill if where == "prefill" else prefill
