"""The requests that are decoding, one row each: every step is one forward pass for all of them."""

import copy
from collections.abc import Callable
from typing import Any

import mlx.core as mx
import numpy
from mlx_lm.models.cache import RotatingKVCache, can_trim_prompt_cache, make_prompt_cache

from mlx4j_worker import failures
from mlx4j_worker.engine.generation import Generation
from mlx4j_worker.mlx.prefix_cache import copy_cache
from mlx4j_worker.mlx.sampling import Sampler, read_log_probs
from mlx4j_worker.requests.generate import GenerateRequest
from mlx4j_worker.requests.options import Options

_KV_GROUP = 32  # values that share a scale in a quantized cache; the size of every model's heads is a multiple of it
_KEPT = 4  # first tokens that a bounded cache keeps, as in mlx-lm: attention leans on them
_CLEAR_EVERY = 512  # steps; mlx keeps freed buffers for later, and those of a growing cache never fit again


class Row:
    """One generation in the engine: what it has in its KV cache, and how it chooses."""

    def __init__(self, generation: Generation) -> None:
        self.generation = generation
        self.prompt = numpy.array(generation.prompt_tokens, dtype=numpy.int32)
        self.salt = generation.request.cache_salt
        self.sampler = Sampler(generation)
        self.cache: Any = None  # mlx-lm's, a list with an entry for each layer; the batch's while it decodes there
        self.in_cache = 0  # tokens
        self.suspect = False  # it was there when a step failed, and has had no token since
        self.strikes = 0

    @property
    def tokens(self) -> list[int]:
        """The prompt's and those that were generated."""
        return self.generation.prompt_tokens + self.generation.tokens

    @property
    def call(self) -> Any:
        return self.generation.call

    @property
    def left(self) -> int:
        """Tokens to prefill: all but the last one, which the batch needs to give the next."""
        return len(self.generation.prompt_tokens) + len(self.generation.tokens) - self.in_cache - 1

    @property
    def max_tokens(self) -> int:
        return len(self.generation.prompt_tokens) + self.generation.max_tokens


class Batch:
    """Decodes its rows in step.

    The pass for the next tokens is begun before anybody looks at those just drawn: reading them, sending them and
    finding out which may come next happen while the model works. Only a first token, which somebody waits for, comes
    before that. Alone, a row keeps the cache that it came with, so
    it runs as a single stream does; beside others, the caches are one, which mlx-lm merges and parts.
    """

    capabilities = ("logProbs", "penalties", "responseFormat")
    copy_cache = staticmethod(copy_cache)

    def __init__(self, model: Any, options: Options) -> None:
        self._model = model
        self._options = options
        self._steps = 0
        self.reset()
        cache = self.new_cache()
        # mlx-lm can't merge quantized caches, and forgets the first tokens of a bounded one when it merges it.
        self.concurrent = options.kv_tokens is None and all(hasattr(layer, "merge") for layer in cache)
        self.shares = can_trim_prompt_cache(cache)  # a row's cache may be of use to others while it is growing

    def reset(self) -> None:
        """Discards every row."""
        self.rows: list[Row] = []
        self._cache: Any = []
        self._logits: Any = None  # of the next tokens [rows, vocabulary]; on their way

    def check(self, request: GenerateRequest) -> None:
        """Refuses unsupported options; this way of decoding supports all."""

    def new_cache(self) -> list[Any]:
        """An empty cache for a row."""
        cache = make_prompt_cache(self._model)
        if self._options.kv_tokens is not None:
            cache = [RotatingKVCache(self._options.kv_tokens, keep=_KEPT) for _ in cache]
        bits = self._options.kv_bits
        return cache if bits is None else [layer.to_quantized(_KV_GROUP, bits) for layer in cache]

    def prefill(self, cache: Any, tokens: list[int]) -> None:
        """Adds tokens to a cache, and waits for it."""
        self._model(mx.array([tokens]), cache=cache)
        mx.eval([layer.state for layer in cache])

    def settle(self) -> None:
        """Waits for every pass that was started; raises the error of a failed pass, unless it was raised before."""
        mx.synchronize()

    def snapshot(self, row: Row) -> list[Any]:
        """A copy of the cache of a row that is decoding here."""
        cache = self._extract(self.rows.index(row))
        return copy.deepcopy(cache) if cache is self._cache else cache

    def step(self, joining: list[Row], deliver: Callable[..., Any]) -> None:
        """Draws the next token of each row, and takes in ``joining``, whose caches hold all but their last token.

        For each row ``deliver`` is called with the row, its token, log_prob as Generation.add takes it or an exception,
        and whether a draft model guessed the token.
        """
        before = self.rows
        drawn, log_probs, failed = self._draw()
        if drawn is not None:
            mx.async_eval(drawn, *filter(None, log_probs))  # not with the pass: what goes together is ready together
        goes_on = bool(joining) or not all(_is_last(row) for row in before)
        waited_for = any(not row.generation.tokens for row in before)  # a first token goes out before the next pass
        if waited_for:
            self._deliver(before, drawn, log_probs, failed, deliver)
        inputs = [] if drawn is None else [drawn]
        if joining:
            inputs.append(mx.array([row.tokens[-1] for row in joining]))
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
            self._deliver(before, drawn, log_probs, failed, deliver)

    @staticmethod
    def _deliver(
        rows: list[Row], drawn: mx.array, log_probs: list[None], failed: dict[Any, Any], deliver: Callable[..., Any]
    ) -> None:
        for row, token, arrays in zip(rows, drawn.tolist(), log_probs, strict=True):
            deliver(row, token, failed.get(row) or read_log_probs(arrays), False)

    def remove(self, rows: list[Row], keep_caches: bool) -> None:
        """Removes rows; with ``keep_caches``, returns a separate cache for each."""
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

    def _draw(self) -> tuple[mx.array | None, list[Any], dict[Row, Exception]]:
        """(the next tokens [rows] or None, the arrays of log-probabilities of each row, the errors of rows)."""
        if not self.rows:
            return None, [], {}
        if all(row.sampler.plain for row in self.rows):
            return mx.argmax(self._logits, axis=-1), [None] * len(self.rows), {}
        tokens, log_probs, failed = [], [], {}
        for i, row in enumerate(self.rows):
            logits = self._logits[i : i + 1]
            try:
                token = row.sampler.sample(logits)
                arrays = row.sampler.log_probs(logits, token)
            except Exception as error:  # this row's own, such as a grammar that comes to a dead end
                failures.check(error)
                token, arrays, failed[row] = mx.argmax(logits, axis=-1), None, error
            tokens.append(token)
            log_probs.append(arrays)
        return mx.concatenate(tokens), log_probs, failed

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
