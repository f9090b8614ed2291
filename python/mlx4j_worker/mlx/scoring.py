"""``embed``, ``logits`` and ``score`` on mlx: whole texts run through the model in chunks, beside generation."""

import base64
from typing import Any

import mlx.core as mx
import numpy
from mlx_lm.models.cache import make_prompt_cache

from mlx4j_worker.call import Call
from mlx4j_worker.engine.prefill_chunks import ChunkSize
from mlx4j_worker.models.embeddings.embedder import Embedder, result
from mlx4j_worker.models.embeddings.pooling import Pool
from mlx4j_worker.models.embeddings.texts import EncodedText

MAX_LOGITS_BYTES = 1 << 26  # of one chunk: a logit for each token of the vocabulary at each place


class ForwardJob:
    """One call: its texts, lists of token ids, one after another, each in chunks.

    ``forward`` is a function of ids [1, tokens] and a cache. A subclass has ``take``, which is given what came out for
    each chunk, [tokens, …] in float32, ``text_done``, and ``result``, the answer.
    """

    most: int | None = None  # tokens of a chunk, where the subclass needs small ones

    def __init__(self, call: Call, texts: list[list[int]], model: Any, forward: Any) -> None:
        self.call = call
        self.left = sum(map(len, texts))  # tokens
        self._texts = texts
        self._model = model
        self._forward = forward
        self._at = 0  # the text
        self._done = 0  # tokens of it
        self._cache: Any = None

    def step(self, chunk_size: ChunkSize) -> bool:
        """Works on a chunk; returns True once the call is answered."""
        text = self._texts[self._at]
        chunk = text[self._done : self._done + min(chunk_size.tokens(self._done), self.most or len(text))]
        self._cache = self._cache or self._new_cache()
        taken = self.take(self._forward(mx.array([chunk]), cache=self._cache)[0].astype(mx.float32))
        mx.eval(taken, [layer.state for layer in self._cache])
        self._done += len(chunk)
        self.left -= len(chunk)
        if self._done < len(text):
            return False
        self.text_done()
        self._cache, self._done = None, 0
        self._at += 1
        if self._at < len(self._texts):
            return False
        mx.synchronize()  # raises what any pass failed with so far
        self.call.answer(self.result())
        return True

    def take(self, out: mx.array) -> Any:
        raise NotImplementedError

    def text_done(self) -> None:
        """Called once all chunks of a text have been taken."""

    def result(self) -> dict[str, Any]:
        raise NotImplementedError

    def _new_cache(self) -> list[Any]:
        return make_prompt_cache(self._model)


class Embedding(ForwardJob):
    """``embed``: ``forward`` gives hidden states of ``texts``, which an embeddings.Embedder makes vectors of."""

    def __init__(self, call: Call, texts: list[EncodedText], model: Any, forward: Any, embedder: Embedder) -> None:
        super().__init__(call, [text.ids for text in texts], model, forward)
        self._given = texts
        self._embedder = embedder
        self._pooled: list[mx.array] = []  # for each pool of the text, what the chunks so far give
        self._dimensions = 0

    def take(self, hidden: mx.array) -> list[mx.array]:
        pools = self._embedder.pools(self._given[self._at])
        parts = [_pooled(pool, hidden, self._done) for pool in pools]
        if self._done:
            both = zip(pools, self._pooled, parts, strict=True)
            parts = [mx.maximum(a, b) if pool.largest else a + b for pool, a, b in both]
        self._pooled = parts
        return parts

    def text_done(self) -> None:
        vector = self._embedder.vector([numpy.array(part) for part in self._pooled])
        self._dimensions = vector.size
        self.call.notify("embedding", {"index": self._at, "vector": _base64(vector)})

    def result(self) -> dict[str, int]:
        return result(self._given, self._dimensions)


def _pooled(pool: Pool, hidden: mx.array, begin: int) -> mx.array:
    """What a Pool makes of the hidden states of a chunk, which begins with this token of the text."""
    weights = mx.array(pool.weights[begin : begin + hidden.shape[0]])[:, None]
    return (hidden + weights).max(axis=0) if pool.largest else (hidden * weights).sum(axis=0)


class Logits(ForwardJob):
    """``logits``: ``forward`` gives those of one text."""

    def __init__(self, call: Call, tokens: list[int], model: Any, vocabulary: int) -> None:
        super().__init__(call, [tokens], model, model)
        self.most = _chunk_of_logits(vocabulary)
        self._vocabulary = vocabulary

    def take(self, logits: mx.array) -> mx.array:
        self._vocabulary = logits.shape[1]
        for index, values in enumerate(logits, self._done):
            self.call.notify("positionLogits", {"index": index, "values": _base64(values)})
        return logits

    def result(self) -> dict[str, int]:
        return {"count": len(self._texts[0]), "vocabularySize": self._vocabulary}


class Score(ForwardJob):
    """``score``: how probable a completion is after a prompt, both token ids."""

    def __init__(self, call: Call, prompt: list[int], completion: list[int], model: Any, vocabulary: int) -> None:
        super().__init__(call, [prompt + completion[:-1]], model, model)
        self.most = _chunk_of_logits(vocabulary)
        self._prompt = prompt
        self._completion = completion
        self._log_probs: list[float] = []
        self._greedy = True

    def take(self, logits: mx.array) -> list[Any]:
        """The last token of the prompt is the first place whose logits count; mlx never computes what nobody reads."""
        skipped = max(0, len(self._prompt) - 1 - self._done)
        logits = logits[skipped:]
        if not logits.shape[0]:
            return []
        tokens = mx.array(self._completion[len(self._log_probs) :][: logits.shape[0]])
        every = logits - mx.logsumexp(logits, axis=-1, keepdims=True)
        self._log_probs += mx.take_along_axis(every, tokens[:, None], axis=-1)[:, 0].tolist()
        self._greedy = self._greedy and bool(mx.all(mx.argmax(logits, axis=-1) == tokens))
        return []

    def result(self) -> dict[str, Any]:
        return {
            "promptTokens": len(self._prompt),
            "tokens": self._completion,
            "logProbs": [max(value, -1e9) for value in self._log_probs],  # JSON has no infinities
            "greedy": self._greedy,
        }


def _chunk_of_logits(vocabulary: int) -> int:
    return max(1, MAX_LOGITS_BYTES // (4 * vocabulary))


def _base64(values: mx.array | numpy.ndarray) -> str:
    return base64.b64encode(numpy.array(values, dtype="<f4").tobytes()).decode()
