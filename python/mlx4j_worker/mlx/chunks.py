"""How many tokens of a prompt go into one chunk of prefill, on this machine and with this model."""


class ChunkSize:
    """A chunk is what a cancel, and the next token of a neighbour, wait for, so what counts is its time.

    The rate is learned from the chunks themselves: it falls as a context grows, and where others decode meanwhile.
    """

    LEAST = 16  # tokens; below, a chunk takes hardly less time
    MOST = 2048
    SECONDS_ALONE = 0.3  # on two CPU cores, chunks of this time are also the fastest, by tokens a second
    SECONDS_BESIDE_OTHERS = 0.12

    def __init__(self):
        self._rate = None  # tokens a second

    def took(self, tokens, seconds):
        """Learns from a chunk. Small ones say too little, and the first one of a worker may compile its kernels."""
        if tokens < self.LEAST or seconds <= 0:
            return
        rate = tokens / seconds
        self._rate = rate if self._rate is None else self._rate + 0.3 * (rate - self._rate)

    def tokens(self, beside_others):
        """The size of the next chunk."""
        if self._rate is None:
            return 64
        tokens = self._rate * (self.SECONDS_BESIDE_OTHERS if beside_others else self.SECONDS_ALONE)
        return int(min(max(tokens // self.LEAST * self.LEAST, self.LEAST), self.MOST))
