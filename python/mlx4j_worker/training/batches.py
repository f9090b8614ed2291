"""The order of the training sequences, and how they become batches. The same for both engines."""

from array import array
from dataclasses import dataclass
from functools import lru_cache
from random import Random

PAD_TO = 32  # few lengths of batches, so that engines need few shapes


@dataclass(frozen=True)
class Sequence:
    """Token ids, of which those from index ``start`` on count in the loss; ``start`` is at least 1."""

    tokens: list[int] | array
    start: int = 1

    @property
    def counted(self) -> int:
        return max(0, len(self.tokens) - self.start)


@dataclass(frozen=True)
class Batch:
    """What a model sees: ``inputs`` and ``targets``, and in ``counts`` 1 for each target that counts, else 0.

    All are lists of [sequences][length]; ``tokens`` is how many count.
    """

    inputs: list[list[int]]
    targets: list[list[int]]
    counts: list[list[int]]
    tokens: int

    @classmethod
    def of(cls, sequences: list[Sequence], most: int) -> "Batch":
        """Sequences of at most ``most`` tokens, padded with 0 at their ends, which no causal model sees before."""
        longest = max(len(one.tokens) for one in sequences) - 1
        length = min(-(-longest // PAD_TO) * PAD_TO, most)
        inputs, targets, counts = [], [], []
        for one in sequences:
            pad = [0] * (length - len(one.tokens) + 1)
            inputs.append([*one.tokens[:-1], *pad])
            targets.append([*one.tokens[1:], *pad])
            counts.append([0] * (one.start - 1) + [1] * one.counted + pad)
        return cls(inputs, targets, counts, sum(one.counted for one in sequences))


class Order:
    """The order in which ``count`` sequences come, epoch after epoch; each epoch has another one, by the seed."""

    def __init__(self, count: int, seed: int) -> None:
        self._count = count
        self._epoch = lru_cache(2)(lambda epoch: _shuffled(count, f"{seed}:{epoch}"))

    def indices(self, position: int, count: int) -> list[int]:
        """The next ``count`` indices after ``position`` sequences; a batch may end one epoch and begin another."""
        return [self._epoch(at // self._count)[at % self._count] for at in range(position, position + count)]


def _shuffled(count: int, seed: str) -> list[int]:
    random = Random(seed)
    keys = [random.random() for _ in range(count)]  # of Random's methods, this one never changes
    return sorted(range(count), key=keys.__getitem__)
