"""What the hf engine tells apart in the text of a model. Runs in the worker's environment: python -m unittest."""

from contextlib import contextmanager

import torch

from engine_tests.told import Told
from mlx4j_worker.hf import loading


@contextmanager
def _script(engine, tokens):
    """The model's next tokens are these: each pass gives one, since the prompts are shorter than a chunk."""
    said = iter(tokens)

    def put_first(_model, _args, output):
        output.logits[:, -1, next(said)] += 1e9

    hook = engine._model.register_forward_hook(put_first)
    try:
        yield
    finally:
        hook.remove()


class Text(Told):
    """One thread: the passes are tiny."""

    @classmethod
    def setUpClass(cls):
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        cls.addClassCleanup(torch.set_num_threads, threads)

    load = staticmethod(loading.load)
    script = staticmethod(_script)


del Told  # else it would be run too
