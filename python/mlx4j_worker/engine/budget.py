"""How many tokens of KV cache fit into memory."""

from collections.abc import Callable, Iterable

from mlx4j_worker import memory
from mlx4j_worker.engine.row import Row


class KvBudget:
    """Memory for KV caches.

    ``bytes_per_token`` is None for an architecture whose cache isn't a plain one: everything passes then. ``limit`` is
    the number of tokens that a cache keeps at most, or None. ``available()`` gives the bytes that are available now, or
    None if that is unknown, and ``evict()`` frees what is only kept for later; it returns whether that was anything.
    """

    def __init__(
        self,
        bytes_per_token: int | None,
        available: Callable[[], int | None],
        evict: Callable[[], bool],
        limit: int | None = None,
    ) -> None:
        self.bytes_per_token = bytes_per_token
        self._available_now = available
        self._evict = evict
        self._limit = limit

    def tokens(self, count: int) -> int:
        """How many of so many tokens a cache keeps."""
        return count if self._limit is None else min(count, self._limit)

    def check(self, count: int) -> None:
        """Raises OutOfMemory for a request that doesn't fit even on its own."""
        wanted = self.tokens(count)
        memory.check(wanted, 0, self.bytes_per_token, self._available(wanted))

    def has_room(self, rows: Iterable[Row]) -> bool:
        """Whether these rows fit with their longest answers, beside what is in their caches already."""
        if self.bytes_per_token is None:
            return True
        wanted = sum(self.tokens(row.max_tokens) - row.in_cache for row in rows)
        available = self._available(wanted)
        return available is None or wanted * self.bytes_per_token <= available

    def _available(self, wanted: int) -> int | None:
        available = self._available_now()
        if available is None or not self.bytes_per_token or wanted * self.bytes_per_token <= available:
            return available
        return self._available_now() if self._evict() else available
