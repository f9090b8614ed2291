"""A model whose weights are sharded over ranks (tensor parallel), as the engine of rank 0 sees it."""

import weakref
from collections import deque
from itertools import count
from pathlib import Path
from typing import Any

import mlx.core as mx
from mlx_lm.models.cache import make_prompt_cache

from mlx4j_worker.engine.row import Row
from mlx4j_worker.errors import InvalidRequest
from mlx4j_worker.mlx.batch import Batch
from mlx4j_worker.mlx.caches import copy_cache
from mlx4j_worker.models.layout import Layout
from mlx4j_worker.requests.options import Options


def check(found: Layout, options: Options, ranks: int) -> None:
    """Refuses what can't be distributed over so many ranks. ``found`` is a layout.Layout."""
    if given := options.given("draftModel", "kvBits", "kvTokens", "wiredLimit"):
        raise InvalidRequest(f"{', '.join(given)} can't be used with ranks.", "Leave one of them out.")
    if found.format != "model":
        raise InvalidRequest(
            f"Only a complete model can be distributed over ranks, but this has an adapter or experts "
            f"({found.format}).",
            "Fuse the adapter into its model first.",
        )
    text = found.config.get("text_config") or found.config
    for name in ("num_attention_heads", "num_key_value_heads"):
        if isinstance(heads := text.get(name), int) and heads % ranks:
            raise InvalidRequest(
                f"{found.weights} can't be distributed over {ranks} ranks: its {name} is {heads}.",
                f"Use a number that divides {heads}.",
            )


def shard(model: Any, group: Any, path: Path) -> None:
    """Leaves of each layer's weights, which must not be read yet, the part of this rank."""
    if not hasattr(model, "shard"):
        raise InvalidRequest(
            f"mlx-lm can't distribute {path} over ranks: it can't shard this architecture.", "Use one process."
        )
    try:
        model.shard(group)
    except ValueError as error:
        raise InvalidRequest(
            f"{path} can't be distributed over {group.size()} ranks: {error}",
            "Use fewer ranks, or other weights of the model.",
        ) from None


class Sharded:
    """The model of rank 0; each pass through it is one on every rank.

    A call is a pass, done when it returns: ids [1, tokens] to logits [1, tokens, vocabulary].
    """

    def __init__(self, model: Any, others: Any) -> None:
        self._model = model
        self._others = others
        self._numbers = count()
        self._dropped: deque[int] = (
            deque()
        )  # numbers of caches that nobody has any more; the garbage collector adds to it

    def __call__(self, ids: mx.array, cache: Any = None) -> Any:
        return self._done("forward", self._model, ids, cache)

    def hidden(self, inner: Any) -> Any:
        """The same for the part of the model that gives hidden states."""
        return lambda ids, cache: self._done("hidden", inner, ids, cache)

    def begin(self, ids: mx.array, cache: Any) -> Any:
        """As a call, but the pass is only begun."""
        self._tell("forward", ids.tolist(), cache)
        return self._model(ids, cache=cache)

    def prefill(self, ids: mx.array, cache: Any) -> None:
        """A pass for the sake of the cache alone."""
        with self._others.collective():
            self._tell("prefill", ids.tolist(), cache)
            prefill(self._model, ids, cache)

    def make_cache(self) -> Any:
        return self._cache(make_prompt_cache(self._model))

    def copy_cache(self, cache: Any, tokens: int, surplus: int) -> Any:
        """As caches.copy_cache, on every rank."""
        copied = self._cache(copy_cache(cache, tokens, surplus))
        self._others.broadcast("copy", cache=copied.number, of=cache.number, tokens=tokens, surplus=surplus)
        return copied

    def parameters(self) -> Any:
        """Those of rank 0: its part."""
        return self._model.parameters()

    def collective(self) -> Any:
        return self._others.collective()

    def _done(self, work: Any, part: Any, ids: mx.array, cache: Any) -> Any:
        cache = self.make_cache() if cache is None else cache
        with self._others.collective():
            self._tell(work, ids.tolist(), cache)
            out = part(ids, cache=cache)
            mx.eval(out)
            return out

    def _tell(self, work: Any, ids: list[int], cache: Any) -> None:
        dropped = [self._dropped.popleft() for _ in range(len(self._dropped))]
        self._others.broadcast(work, ids=ids, cache=cache.number, dropped=dropped)

    def _cache(self, layers: Any) -> Any:
        cache = Cache(layers)
        cache.number = next(self._numbers)
        weakref.finalize(cache, self._dropped.append, cache.number).atexit = False
        return cache


class Cache(list):
    """A cache of mlx-lm with the ``number`` by which the other ranks know theirs."""

    number: int


class ShardedBatch(Batch):
    """A Batch of one row, whose passes are passes on every rank."""

    def __init__(self, model: Any, options: Options) -> None:
        self._sharded = model
        super().__init__(model.begin, options)
        self.concurrent = False

    def new_cache(self) -> Any:
        return self._sharded.make_cache()

    def copy_cache(self, cache: Any, tokens: int, surplus: int) -> Any:
        return self._sharded.copy_cache(cache, tokens, surplus)

    def prefill(self, row: Row, tokens: list[int]) -> None:
        self._sharded.prefill(mx.array([tokens]), row.cache)

    def step(self, joining: Any, deliver: Any) -> None:
        with self._sharded.collective():
            super().step(joining, deliver)


def prefill(model: Any, ids: mx.array, cache: Any) -> None:
    """A pass of which only what it adds to the cache is worked out; on each rank the same."""
    model(ids, cache=cache)
    mx.eval([layer.state for layer in cache])
    mx.clear_cache()
