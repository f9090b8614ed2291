"""``rerank`` on mlx: runs the prompts of a query's documents one after another, one chunk a step."""

from collections.abc import Callable
from typing import Any

import mlx.core as mx

from mlx4j_worker.call import Call
from mlx4j_worker.engine.prefill_chunks import ChunkSize
from mlx4j_worker.engine.prefix_cache import common_prefix
from mlx4j_worker.mlx.scoring import ForwardJob
from mlx4j_worker.models.rerank import Pair, Reranker


class Rerank(ForwardJob):
    """One call. What all prompts begin with goes through the model once; each prompt continues from a copy of that.

    ``model`` gives logits of ids [1, tokens] and a cache; ``copy_cache`` is caches.copy_cache or its like. Only
    the last token of a prompt has its logits computed.
    """

    def __init__(
        self, call: Call, pairs: list[Pair], reranker: Reranker, model: Any, copy_cache: Callable[..., Any]
    ) -> None:
        prompts = [pair.tokens for pair in pairs]
        super().__init__(call, prompts, model, model)
        self._pairs = pairs
        self._reranker = reranker
        self._copy_cache = copy_cache
        self._prefill = getattr(model, "prefill", model)  # a model on several machines must be told what is not read
        shared = min(common_prefix(prompts[0], prompt) for prompt in prompts)
        self._shared = min(shared, min(map(len, prompts)) - 1) if len(prompts) > 1 else 0
        self._shared_cache = None
        self._scores: list[float] = []
        self.left -= self._shared * (len(prompts) - 1)

    def step(self, chunk_size: ChunkSize) -> bool:
        prompt = self._texts[self._at]
        if self._cache is None:
            self._begin()
        end = min(self._done + chunk_size.tokens(self._done), len(prompt) - 1)
        if self._shared_cache is None and self._done < self._shared:
            end = min(end, self._shared)
        if self._done < end:
            self._pass(self._prefill, prompt[self._done : end])
            if end == self._shared and self._shared_cache is None and len(self._texts) > 1:
                self._shared_cache = self._copy_cache(self._cache, end, 0)
            return False
        self._score(self._pass(self._forward, prompt[-1:])[0, -1])
        self._cache = None
        self._at += 1
        if self._at < len(self._texts):
            return False
        mx.synchronize()  # raises what any pass failed with so far
        self.call.answer(self._reranker.result(self._scores, self._pairs))
        return True

    def _begin(self) -> None:
        if self._shared_cache is None:
            self._cache, self._done = self._new_cache(), 0
        else:
            self._cache, self._done = self._copy_cache(self._shared_cache, self._shared, 0), self._shared

    def _pass(self, part: Any, tokens: list[int]) -> mx.array:
        logits = part(mx.array([tokens]), cache=self._cache)
        mx.eval([layer.state for layer in self._cache])
        self._done += len(tokens)
        self.left -= len(tokens)
        return logits

    def _score(self, logits: mx.array) -> None:
        reranker, logits = self._reranker, logits.astype(mx.float32)
        logit = logits[reranker.yes]
        if reranker.no is not None:
            logit = logit - logits[reranker.no]
        self._scores.append(reranker.score(logit.item()))
