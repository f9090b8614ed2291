"""The requests that are decoding, one row each: every step is one forward pass for all of them."""

import copy
from typing import Any

import mlx.core as mx
from mlx_lm.models.cache import RotatingKVCache, make_prompt_cache

from mlx4j_worker.engine.row import Row
from mlx4j_worker.engine.sampling import Drawn
from mlx4j_worker.engine.scheduler import Decoder, Deliver
from mlx4j_worker.mlx.caches import CopiedCaches
from mlx4j_worker.mlx.sampling import BatchSampler
from mlx4j_worker.requests.options import Options

_KV_GROUP = 32  # values that share a scale in a quantized cache; the size of every model's heads is a multiple of it
_KEPT = 4  # first tokens that a bounded cache keeps, as in mlx-lm: attention leans on them
_CLEAR_EVERY = 512  # steps; mlx keeps freed buffers for later, and those of a growing cache never fit again


class Batch(CopiedCaches, Decoder):
    """Decodes its rows in step.

    The pass for the next tokens is begun before anybody looks at those just drawn: reading them, sending them and
    finding out which may come next happen while the model works. Only a first token, which somebody waits for, comes
    before that. Alone, a row keeps the cache that it came with, so
    it runs as a single stream does; beside others, the caches are one, which mlx-lm merges and parts.
    """

    capabilities = ("logProbs", "penalties", "responseFormat")

    def __init__(self, model: Any, options: Options) -> None:
        self._model = model
        self._options = options
        self._steps = 0
        self.reset()
        cache = self.new_cache()
        # mlx-lm can't merge quantized caches, and forgets the first tokens of a bounded one when it merges it.
        self.concurrent = options.kv_tokens is None and all(hasattr(layer, "merge") for layer in cache)
        self.shares = self.can_trim(cache)  # a row's cache may be of use to others while it is growing

    def reset(self) -> None:
        self.rows: list[Row] = []
        self._cache: Any = []
        self._logits: Any = None  # of the next tokens [rows, vocabulary]; on their way
        self._sampler = BatchSampler()
        mx.clear_cache()

    def new_cache(self) -> list[Any]:
        cache = make_prompt_cache(self._model)
        if self._options.kv_tokens is not None:
            cache = [RotatingKVCache(self._options.kv_tokens, keep=_KEPT) for _ in cache]
        bits = self._options.kv_bits
        return cache if bits is None else [layer.to_quantized(_KV_GROUP, bits) for layer in cache]

    def prefill(self, row: Row, tokens: list[int]) -> None:
        self.fill(row.cache, tokens)

    def fill(self, cache: Any, tokens: list[int]) -> None:
        """Adds tokens to a cache, and waits for it."""
        self._model(mx.array([tokens]), cache=cache)
        mx.eval([layer.state for layer in cache])
        mx.clear_cache()

    def settle(self) -> None:
        mx.synchronize()

    def snapshot(self, row: Row) -> list[Any]:
        cache = self._extract(self.rows.index(row))
        return copy.deepcopy(cache) if cache is self._cache else cache

    def step(self, joining: list[Row], deliver: Deliver) -> None:
        drawn = self._draw()
        if drawn is not None:
            mx.async_eval(*drawn.arrays)  # not with the pass: what goes together is ready together
        goes_on = bool(joining) or not all(_is_last(row) for row in self.rows)
        waited_for = any(not row.generation.tokens for row in self.rows)  # a first token goes out before the next pass
        if drawn is not None and waited_for:
            deliver(drawn.results())
        inputs = [] if drawn is None else [drawn.tokens]
        if joining:
            inputs.append(mx.array([row.last_token for row in joining]))
        inputs = inputs[0] if len(inputs) == 1 else mx.concatenate(inputs)
        self._join(joining)
        if goes_on:
            self._logits = self._model(inputs[:, None], cache=self._cache)[:, -1, :]
            mx.async_eval(self._logits)
            for row in self.rows:
                row.in_cache += 1
        self._steps += 1
        if self._steps % _CLEAR_EVERY == 0:
            mx.clear_cache()
        if drawn is not None and not waited_for:
            deliver(drawn.results())

    def remove(self, rows: list[Row], keep_caches: bool) -> None:
        left = [i for i, row in enumerate(self.rows) if row not in rows]
        for i, row in enumerate(self.rows):
            row.cache = self._extract(i) if keep_caches and row in rows else None
        if len(left) == 1:
            self._cache = self._extract(left[0])
        elif left:
            for layer in self._cache:
                layer.filter(left)
        else:
            self._cache = []
        self.rows = [self.rows[i] for i in left]
        self._logits = self._logits[mx.array(left)] if left else None

    def _draw(self) -> Drawn | None:
        """The next tokens of the rows; None where there are none."""
        return self._sampler.draw(self._logits, self.rows) if self.rows else None

    def _join(self, joining: list[Row]) -> None:
        caches = [row.cache for row in joining]
        for row in joining:
            row.cache = None
        self.rows = self.rows + joining
        if len(self.rows) == len(joining) == 1:
            self._cache = caches[0]
            return
        if not joining:
            return
        if len(self.rows) == len(joining) + 1:  # the one that was alone
            caches.insert(0, self._cache)
            self._cache = []
        new = [layers[0].merge(list(layers)) for layers in zip(*caches, strict=True)]
        if self._cache:
            for layer, other in zip(self._cache, new, strict=True):
                layer.extend(other)
        else:
            self._cache = new

    def _extract(self, i: int) -> list[Any]:
        if len(self.rows) == 1 or not hasattr(self._cache[0], "extract"):
            return self._cache
        alone = [layer.extract(i) for layer in self._cache]
        mx.eval([layer.state for layer in alone])  # else it holds on to the whole batch's
        return alone


def _is_last(row: Row) -> bool:
    """Whether the token that was just drawn is the row's last for sure."""
    return len(row.generation.tokens) + 1 >= row.generation.max_tokens
