"""The KV caches of finished prompts and answers, for prompts that begin with the same tokens."""

from collections import OrderedDict, defaultdict
from collections.abc import Hashable
from typing import Any, Protocol

import numpy

MIN_TOKENS = 8  # tokens; every chat begins with some of its template, which alone is not worth a copy


class Caches(Protocol):
    """What a prefix cache needs to know about a backend's caches; see scheduler.Decoder."""

    def copy_cache(self, cache: Any, tokens: int, surplus: int) -> Any: ...

    def cache_bytes(self, cache: Any) -> int: ...

    def can_trim(self, cache: Any) -> bool: ...


class PrefixCache:
    """Keeps caches by the tokens that they hold, the least recently used one going first.

    A prompt only finds what was kept with the same salt.

    Where a cache can be trimmed, a prompt may use the part that it shares with what is kept; else it must begin with
    the whole of it. All that is kept takes ``max_bytes`` at most, at any time; something larger is not kept at all.
    """

    def __init__(self, max_bytes: int, caches: Caches) -> None:
        self._max_bytes = max_bytes
        self._caches = caches
        self._kept: OrderedDict[Any, Any] = (
            OrderedDict()
        )  # (salt, the tokens' bytes) -> (tokens, cache, bytes), least recently used first
        self._by_start: defaultdict[Any, set[Any]] = defaultdict(
            set
        )  # (salt, the first tokens' bytes) -> keys of _kept: only those can be of use
        self.nbytes = 0

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def enabled(self) -> bool:
        return self._max_bytes > 0

    def shared(self, tokens: list[int] | numpy.ndarray, salt: Hashable = None) -> int:
        """How many tokens ``take`` would give."""
        return self._find(tokens, salt)[1]

    def take(self, tokens: list[int], salt: Hashable = None) -> tuple[Any, int]:
        """(a copy of the cache that holds most of the tokens, how many), or (None, 0).

        The last token is never among them, since a model must see one to give the next.
        """
        best, shared = self._find(tokens, salt)
        if best is None:
            return None, 0
        self._kept.move_to_end(best)
        kept, cache, _ = self._kept[best]
        return self._caches.copy_cache(cache, shared, len(kept) - shared), shared

    def put(self, tokens: list[int], cache: Any, salt: Hashable = None) -> None:
        """Keeps a cache that holds exactly these tokens. It must not be changed any more."""
        size = self._caches.cache_bytes(cache)
        if len(tokens) < MIN_TOKENS or size > self._max_bytes:
            return
        kept = _array(tokens)
        if self._caches.can_trim(cache):  # one that can be cut back stands for all that are a part of it
            for key in list(self._by_start.get((salt, _start(kept)), ())):
                other = self._kept[key][0]
                common = common_prefix(other, kept)
                if common == len(kept):
                    self._kept.move_to_end(key)
                    return
                if common == len(other):
                    self._drop(key)
        key = salt, kept.tobytes()
        if key in self._kept:
            self._drop(key)
        while self._kept and self.nbytes + size > self._max_bytes:
            self._drop(next(iter(self._kept)))
        self._kept[key] = (kept, cache, size)
        self._by_start[salt, _start(kept)].add(key)
        self.nbytes += size

    def clear(self) -> None:
        self._kept.clear()
        self._by_start.clear()
        self.nbytes = 0

    def _find(self, tokens: list[int], salt: Hashable) -> tuple[Any, int]:
        wanted = _array(tokens[:-1])
        best, shared = None, 0
        for key in self._by_start.get((salt, _start(wanted)), ()):
            kept, cache, _ = self._kept[key]
            common = common_prefix(kept, wanted)
            if common > shared and (common == len(kept) or self._caches.can_trim(cache)):
                best, shared = key, common
        return best, shared

    def _drop(self, key: tuple[Hashable, bytes]) -> None:
        tokens, _, size = self._kept.pop(key)
        self.nbytes -= size
        start = key[0], _start(tokens)
        self._by_start[start].remove(key)
        if not self._by_start[start]:
            del self._by_start[start]


def common_prefix(one: list[int] | numpy.ndarray, other: list[int] | numpy.ndarray) -> int:
    """How many tokens two lists or arrays have in common at their beginning."""
    one, other = _array(one), _array(other)
    length = min(len(one), len(other))
    different = numpy.flatnonzero(one[:length] != other[:length])
    return int(different[0]) if len(different) else length


def _start(tokens: numpy.ndarray) -> bytes:
    return tokens[:MIN_TOKENS].tobytes()


def _array(tokens: list[int] | numpy.ndarray) -> numpy.ndarray:
    return numpy.asarray(tokens, dtype=numpy.int32)
