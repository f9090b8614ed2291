"""What an engine needs, beside its hidden states, to embed texts."""

import logging
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy

from mlx4j_worker.errors import WorkerError
from mlx4j_worker.models.embeddings import description
from mlx4j_worker.models.embeddings.pooling import Pool, Postprocessing, pool
from mlx4j_worker.models.embeddings.texts import EncodedText, TextEncoder
from mlx4j_worker.models.layout import Layout
from mlx4j_worker.requests.prompt import check_prompt
from mlx4j_worker.requests.texts import EmbedRequest

_log = logging.getLogger("mlx4j.embeddings")


class Embedder:
    """The embeddings of one model, as its folder describes them. Thread-safe.

    A folder whose description can't be followed is no reason not to load the model: then ``encode`` fails, and
    ``warnings`` say why. ``source`` is what the user calls the model; ``vocabulary`` and ``context`` are in tokens.
    """

    def __init__(self, layout: Layout, source: str, tokenizer: Any, vocabulary: int, context: int | None) -> None:
        self._name = str(layout.weights)
        self._vocabulary = vocabulary
        self._refusal: WorkerError | None = None
        self._told = False
        try:
            self._description = description.read(layout, source)
            self._texts = TextEncoder(self._description, tokenizer, context)
        except WorkerError as error:
            self._refusal = error

    @property
    def can_embed(self) -> bool:
        """Whether texts can be embedded."""
        return self._refusal is None

    @property
    def warnings(self) -> list[str]:
        return [str(self._refusal)] if self._refusal else []

    def to_json(self) -> dict[str, Any] | None:
        """What ``initialize`` reports, or None."""
        return {**self._description.to_json(), "maxTokens": self._texts.limit} if self.can_embed else None

    def encode(self, request: EmbedRequest) -> list[EncodedText]:
        """The texts as tokens."""
        if self._refusal:
            raise type(self._refusal)(str(self._refusal), self._refusal.hint)
        if self._description.origin == "assumed" and not self._told:
            self._told = True
            _log.warning("%s does not say how its embeddings are pooled: pooling: mean (assumed)", self._name)
        texts = self._texts.encode(request)
        for text in texts:
            check_prompt(text.ids, self._vocabulary, None)
        return texts

    def pools(self, text: EncodedText) -> list[Pool]:
        """How the hidden states of a text are pooled: for each mode, one."""
        return [pool(mode, len(text.ids), text.prompt) for mode in self._description.pooling]

    def vector(self, pooled: Sequence[numpy.ndarray]) -> numpy.ndarray:
        """The vector of a text from what each of its pools gave, in float32."""
        return self._postprocessing(numpy.concatenate(pooled))

    @cached_property
    def _postprocessing(self) -> Postprocessing:  # the weights of dense layers are read once they are needed
        return Postprocessing(self._description)


def result(texts: list[EncodedText], dimensions: int) -> dict[str, int]:
    """The result of ``embed``."""
    return {
        "count": len(texts),
        "dimensions": dimensions,
        "promptTokens": sum(len(text.ids) for text in texts),
        "truncated": sum(text.cut for text in texts),
    }
