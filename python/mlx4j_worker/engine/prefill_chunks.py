"""Chooses the number of prompt tokens in a chunk of prefill, for this machine and model."""

import math


class ChunkSize:
    """A chunk is what a cancel, and the next token of a neighbour, wait for, so what counts is its time.

    The time of a token is learned from the chunks themselves, as a constant and a part that grows with the context
    before it. Old chunks are forgotten, so that it also follows what else the machine has to do.
    """

    SECONDS = 0.12  # on two CPU cores, chunks of about this time are also the fastest, by tokens a second
    MIN_TOKENS = 16  # tokens; below, a chunk takes hardly less time
    MAX_TOKENS = 2048
    FIRST = 64
    _KEPT = 0.9  # of the weight of what was learned, at each chunk
    _TOO_CLOSE = 100  # tokens; contexts that lie no further apart say little of how the time grows

    def __init__(self) -> None:
        self._sums = [0.0] * 5  # weights, contexts, times, contexts squared, contexts x times

    def learn(self, tokens: int, context: int, seconds: float) -> None:
        """Learns from a chunk of so many tokens after so many others. Small chunks carry too little information."""
        if tokens >= self.MIN_TOKENS:
            x, y = context + tokens / 2, seconds / tokens
            self._sums = [old * self._KEPT + new for old, new in zip(self._sums, (1, x, y, x * x, x * y), strict=True)]

    def tokens(self, context: int) -> int:
        """The size of the next chunk after so many tokens."""
        n, x, y, xx, xy = self._sums
        if n == 0:
            return self.FIRST
        spread = n * xx - x * x + (n * self._TOO_CLOSE) ** 2
        slope = max(0.0, (n * xy - x * y) / spread)
        at_context = max((y - slope * x) / n, 0.1 * y / n, 1e-9) + slope * context
        size = 2 * self.SECONDS / (at_context + math.sqrt(at_context**2 + 2 * slope * self.SECONDS))
        return int(min(max(size // self.MIN_TOKENS * self.MIN_TOKENS, self.MIN_TOKENS), self.MAX_TOKENS))
