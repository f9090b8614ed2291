"""What the mlx engine tells apart in the text of a model. Runs in the worker's environment: python -m unittest."""

from contextlib import contextmanager
from unittest import mock

import mlx.core as mx

from engine_tests.told import Told
from mlx4j_worker.mlx import loading


class _Scripted:
    """A model whose next tokens are these: a pass over one token is a step of decoding, any other is of the prompt."""

    def __init__(self, model, tokens):
        self._model = model
        self._said = iter([*tokens, *[tokens[-1]] * 2])  # the engine begins passes that nobody may need

    def __call__(self, ids, cache):
        logits = self._model(ids, cache=cache)
        return logits if ids.shape[1] > 1 else logits + 1e9 * (mx.arange(logits.shape[-1]) == next(self._said))

    def __getattr__(self, name):
        return getattr(self._model, name)


@contextmanager
def _script(engine, tokens):
    with mock.patch.object(engine._decoder, "_model", _Scripted(engine._decoder._model, tokens)):
        yield


class Text(Told):
    load = staticmethod(loading.load)
    script = staticmethod(_script)


del Told  # else it would be run too
