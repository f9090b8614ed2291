"""Speculative decoding: a draft model proposes some tokens, and the large model verifies them in one pass."""

import copy
from typing import Any

import mlx.core as mx
from mlx_lm.generate import generation_stream, speculative_generate_step
from mlx_lm.models.cache import KVCache

from mlx4j_worker.engine.row import Row
from mlx4j_worker.engine.sampling import Drawn, not_finite, plan
from mlx4j_worker.engine.scheduler import Decoder, Deliver
from mlx4j_worker.errors import InvalidRequest
from mlx4j_worker.mlx import caches
from mlx4j_worker.mlx.sampling import NO_TOKEN, DraftSampler, log_probs_of
from mlx4j_worker.requests.generate import GenerateRequest


class SpeculativeDecoder(caches.CopiedCaches, Decoder):
    """Decodes one row at a time; otherwise as Batch. A row's cache is the model's layers, then the draft model's."""

    capabilities = ("logProbs",)

    def __init__(self, model: Any, draft_model: Any, draft_tokens: int) -> None:
        self._model = model
        self._draft_model = draft_model
        self._draft_tokens = draft_tokens
        self._empty = [_empty(model, "model"), _empty(draft_model, "draft model")]
        self._layers = len(self._empty[0])
        self.reset()

    def reset(self) -> None:
        self.rows: list[Row] = []
        self._tokens: Any = None
        self._plan: Any = None  # of the row
        mx.clear_cache()

    def check(self, request: GenerateRequest) -> None:
        sampling = request.sampling
        used = {
            "responseFormat": request.response_format,
            "sampling.repetitionPenalty": sampling.repetition_penalty not in (None, 1),
            "sampling.presencePenalty": sampling.presence_penalty,
            "sampling.frequencyPenalty": sampling.frequency_penalty,
            "sampling.logitBias": sampling.logit_bias,
        }
        if names := [name for name, value in used.items() if value]:
            raise InvalidRequest(
                f"{', '.join(names)} can't be used with a draft model, which proposes tokens without them.",
                "Leave them out, or use a worker without MLX_DRAFT_MODEL.",
            )

    def new_cache(self) -> list[Any]:
        return copy.deepcopy(self._empty[0] + self._empty[1])

    def prefill(self, row: Row, tokens: list[int]) -> None:
        ids, cache = mx.array([tokens]), row.cache
        self._model(ids, cache=cache[: self._layers])
        self._draft_model(ids, cache=cache[self._layers :])
        mx.eval([layer.state for layer in cache])
        mx.clear_cache()

    def snapshot(self, row: Row) -> Any:
        raise NotImplementedError("the caches of a running row are those of mlx-lm's generator")

    def step(self, joining: list[Row], deliver: Deliver) -> None:
        if joining:
            (row,) = self.rows = joining
            self._plan = plan(joining, mx.array)
            self._tokens = speculative_generate_step(
                mx.array([row.last_token]),
                self._model,
                self._draft_model,
                num_draft_tokens=self._draft_tokens,
                max_tokens=row.max_tokens - len(row.tokens),
                sampler=DraftSampler(row),
                prompt_cache=row.cache,
            )
        (row,) = self.rows
        token, log_probs, drafted = next(self._tokens)
        if token == NO_TOKEN:
            deliver([(row, token, not_finite(), drafted)])
            return
        tokens = mx.array([token])
        arrays = log_probs_of(log_probs[None].astype(mx.float32), tokens, self._plan)
        drawn = Drawn(self.rows, tokens, None, arrays, {}, self._plan.asking)
        deliver([(row, token, drawn.read_log_probs().get(0), drafted)])

    def settle(self) -> None:
        mx.synchronize(generation_stream)
        mx.synchronize()

    def remove(self, rows: list[Row], keep_caches: bool) -> None:
        """Takes the row out. What mlx-lm guessed in vain it takes out of the caches itself."""
        if not rows:
            return
        self._tokens.close()
        for row in rows:
            row.in_cache = min(layer.size() for layer in row.cache)
            for layer in row.cache:
                layer.trim(layer.size() - row.in_cache)
            if not keep_caches:
                row.cache = None
        self.reset()


def _empty(model: Any, name: str) -> list[Any]:
    """An empty cache for a model; raises InvalidRequest where tokens can't be taken out of one again."""
    cache = caches.trimmable(model)
    if not all(type(layer) in (KVCache, caches.WholeChunkedCache) for layer in cache):
        raise InvalidRequest(
            f"draftModel can't be used: rejected tokens can't be removed from the cache of the {name}.", "Leave it out."
        )
    if len(cache) != len(model.layers):  # mlx-lm tells the two caches apart by the number of layers
        raise InvalidRequest(
            f"draftModel can't be used: mlx-lm can't draft where layers of the {name} share a cache.", "Leave it out."
        )
    return cache
