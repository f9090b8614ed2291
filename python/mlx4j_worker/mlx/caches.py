"""KV caches of mlx-lm: copies, and such that can be trimmed exactly, or report that they can't."""

import copy
from typing import Any

import mlx.core as mx
from mlx_lm.models.cache import (
    ChunkedKVCache,
    KVCache,
    RotatingKVCache,
    can_trim_prompt_cache,
    make_prompt_cache,
)


def copy_cache(cache: Any, tokens: int, surplus: int) -> list[Any]:
    """A copy of a cache that holds its first tokens, all but the surplus."""
    return [_copy(layer, tokens, surplus) for layer in cache]


def _copy(layer: Any, tokens: int, surplus: int) -> Any:
    """A copy of a layer's cache that holds its first tokens, all but the surplus."""
    if type(layer) is KVCache:  # its arrays are never changed in place, so the copy begins with a view of them
        copied = KVCache()
        copied.keys, copied.values = layer.keys[..., :tokens, :], layer.values[..., :tokens, :]
        copied.offset = tokens
        return copied
    copied = copy.deepcopy(layer)
    if surplus:
        copied.trim(surplus)
    return copied


class CopiedCaches:
    """What the scheduler asks of a cache, for lists of mlx-lm's."""

    def copy_cache(self, cache: Any, tokens: int, surplus: int) -> list[Any]:
        return copy_cache(cache, tokens, surplus)

    def cache_bytes(self, cache: Any) -> int:
        return sum(layer.nbytes for layer in cache)

    def can_trim(self, cache: Any) -> bool:
        return can_trim_prompt_cache(cache)


class ChunkedCache(ChunkedKVCache):
    """mlx-lm's says that it can be cut back even after its first tokens, which an earlier chunk may need, are gone."""

    def is_trimmable(self) -> bool:
        return self.start_position == 0


class WholeChunkedCache(ChunkedKVCache):
    """Keeps the tokens of all chunks, so that any number of tokens can be cut off; the model masks by chunk itself."""

    def maybe_trim_front(self) -> None:
        pass


class _WatchedCache(KVCache):
    """Remembers the window that the model asks a mask for."""

    def __init__(self, windows: set[int | None]) -> None:
        super().__init__()
        self._windows = windows

    def make_mask(self, *args: Any, **kwargs: Any) -> Any:
        self._windows.add(kwargs.get("window_size"))
        return super().make_mask(*args, **kwargs)


def trimmable(model: Any) -> list:
    """An empty cache for ``model`` that can always be cut back; its layers are mlx-lm's own where there is no such one.

    A cache of a sliding window forgets tokens that are needed again once the text is cut back by some. A cache of all
    tokens computes the same if the model masks by the window, which a pass over two tokens shows.
    """
    cache = make_prompt_cache(model)
    windows: set[int | None] = set()
    if any(_slides(layer) for layer in cache):
        model(mx.array([[0, 0]]), cache=[_WatchedCache(windows) if _slides(layer) else layer for layer in cache])
    return [_trimmable(layer, windows) for layer in make_prompt_cache(model)]


def _slides(layer: Any) -> bool:
    return type(layer) is RotatingKVCache and layer.keep == 0


def _trimmable(layer: Any, windows: set[Any]) -> Any:
    if isinstance(layer, ChunkedKVCache):
        return WholeChunkedCache(layer.chunk_size)
    return KVCache() if _slides(layer) and layer.max_size in windows else layer
