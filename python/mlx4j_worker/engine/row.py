"""One generation in the engine: what it has in its KV cache, and how it chooses."""

from typing import Any

import numpy

from mlx4j_worker.call import Call
from mlx4j_worker.engine.generation import Generation
from mlx4j_worker.engine.sampling import seed_of


class Row:
    """A request from the queue to its last token. Only the engine thread uses it.

    ``cache`` is the decoder's KV cache for one row; it is None while the row decodes in a batch, which holds it then.
    """

    def __init__(self, generation: Generation) -> None:
        self.generation = generation
        self.prompt = numpy.array(generation.prompt_tokens, dtype=numpy.int32)
        self.salt = generation.request.cache_salt
        self.seed = seed_of(generation)
        self.cache: Any = None
        self.in_cache = 0  # tokens
        self.group: str | None = None  # the decoder's; rows of different groups can't run together
        self.suspect = False  # it was there when a step failed, and has had no token since
        self.strikes = 0

    @property
    def prefix_key(self) -> tuple[str | None, str | None]:
        """Rows with the same one may share a beginning in the prefix cache."""
        return self.group, self.salt

    @property
    def tokens(self) -> list[int]:
        """The prompt's and those that were generated; a new list, so not for every token."""
        return self.generation.prompt_tokens + self.generation.tokens

    @property
    def last_token(self) -> int:
        """The token that the next pass begins with."""
        generated = self.generation.tokens
        return generated[-1] if generated else self.generation.prompt_tokens[-1]

    @property
    def call(self) -> Call:
        return self.generation.call

    @property
    def left(self) -> int:
        """Tokens to prefill: all but the last one, which the batch needs to give the next."""
        return len(self.generation.prompt_tokens) + len(self.generation.tokens) - self.in_cache - 1

    @property
    def max_tokens(self) -> int:
        return len(self.generation.prompt_tokens) + self.generation.max_tokens
