"""What the hf engine tells apart in the text of a model. Runs in the worker's environment: python -m unittest."""

from contextlib import contextmanager
from unittest import mock

import torch

from engine_tests.told import Told
from mlx4j_worker.hf import loading


@contextmanager
def _script(engine, tokens):
    """The model's next tokens are these."""
    said, logits = iter(tokens), engine._decoder._next_logits

    def scripted():
        given = logits()
        given[:, next(said)] += 1e9
        return given

    with mock.patch.object(engine._decoder, "_next_logits", scripted):
        yield


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
