"""Calls other than ``generate``, which take turns with prompts."""

from collections.abc import Iterator

from mlx4j_worker.call import Call
from mlx4j_worker.engine.prefill_chunks import ChunkSize


class Job:
    """A call whose ``work`` does a part of it, of some ``tokens``, up to each yield, and answers it at its end."""

    def __init__(self, call: Call, tokens: int, work: Iterator[int]) -> None:
        self.call = call
        self.left = tokens
        self._work = work

    def step(self, chunk_size: ChunkSize) -> bool:
        """Works up to the next yield, which gives the number of tokens done; returns True at the end."""
        done = next(self._work, None)
        self.left -= done or 0
        return done is None
