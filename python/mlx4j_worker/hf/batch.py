"""The requests that are decoding on transformers, one row each: every step is one forward pass for all of them."""

import inspect
from typing import Any

import torch
from transformers import PretrainedConfig, PreTrainedModel

from mlx4j_worker.engine.row import Row
from mlx4j_worker.engine.scheduler import Decoder, Deliver
from mlx4j_worker.hf import caches, models
from mlx4j_worker.hf.sampling import BatchSampler

_MAX_PADDED_ROWS = 32  # prompts of one pass


class _OneExpert(Decoder):
    """What both decoders do alike. ``experts`` is an adapters.Experts, or None; rows of one expert run together."""

    capabilities = ("logProbs", "penalties", "responseFormat")

    def __init__(self, model: PreTrainedModel, experts: Any) -> None:
        self._model = model
        self._experts = experts
        self._device = model.device
        self.reset()

    def group(self, row: Row) -> str:
        if self._experts is None:
            return ""
        row.generation.expert = self._experts.choose(self._ids([row.generation.prompt_tokens]))
        return row.generation.expert

    def _use_expert(self, row: Row) -> None:
        if self._experts is not None:
            self._experts.use(row.group)

    def _ids(self, tokens: list[list[int]]) -> torch.Tensor:
        return torch.tensor(tokens, device=self._device)


class Batch(_OneExpert):
    """Decodes its rows in step. Beside others, a row's cache is padded on the left to the length of the longest."""

    def __init__(self, model: PreTrainedModel, experts: Any = None) -> None:
        super().__init__(model, experts)
        config = model.config
        takes = inspect.signature(model.forward).parameters
        self._takes_positions = "position_ids" in takes
        self._cache_name = "past_key_values" if "past_key_values" in takes else "cache_params"
        self._few_logits: dict[str, Any] = {"logits_to_keep": 1} if "logits_to_keep" in takes else {}
        self._switch = _long_rope(config)
        self._masks = caches.has_attention(config)  # recurrent layers have no padding
        self.chunks = not caches.is_recurrent(config) and self._switch is None
        self.concurrent = caches.can_merge(config) and _rows_are_independent(model)
        self.shares = self.concurrent and self.chunks

    def reset(self) -> None:
        self.rows: list[Row] = []
        self._cache: Any = None  # of all rows
        self._width = 0  # tokens in it, with padding
        self._sampler = BatchSampler()
        if self._device.type == "cuda":
            torch.cuda.empty_cache()

    def new_cache(self) -> Any:
        return caches.new(self._model.config)

    def copy_cache(self, cache: Any, tokens: int, surplus: int) -> Any:
        return caches.copy(cache, tokens, surplus)

    def cache_bytes(self, cache: Any) -> int:
        return caches.nbytes(cache)

    def can_trim(self, cache: Any) -> bool:
        return caches.can_trim(cache)

    def prefill(self, row: Row, tokens: list[int]) -> None:
        self._use_expert(row)
        positions = torch.arange(row.in_cache, row.in_cache + len(tokens), device=self._device)[None]
        self._pass(self._ids([tokens]), row.cache, positions, None)
        self.settle()

    def prefill_together(self, row: Row, others: list[Row], most: int) -> list[Row]:
        if not (self.concurrent and self.chunks):
            return []
        width, chosen = row.left, list[Row]()
        for other in sorted(others, key=lambda one: abs(one.left - row.left)):
            width = max(width, other.left)
            if width * (len(chosen) + 2) > most or len(chosen) + 2 > _MAX_PADDED_ROWS:
                break
            chosen.append(other)
        return chosen

    def prefill_all(self, rows: list[Row]) -> None:
        self._use_expert(rows[0])
        prompts = [row.tokens[:-1] for row in rows]
        width = max(map(len, prompts))
        pads = torch.tensor([[width - len(prompt)] for prompt in prompts], device=self._device)
        columns = torch.arange(width, device=self._device)
        cache = self.new_cache()
        ids = self._ids([[0] * (width - len(prompt)) + prompt for prompt in prompts])
        self._pass(ids, cache, (columns - pads).clamp(min=0), columns >= pads)
        for i, (row, prompt) in enumerate(zip(rows, prompts, strict=True)):
            row.cache = caches.extract(cache, i, len(prompt))
        self.settle()

    def settle(self) -> None:
        """A step waits for its own pass, and so does prefill, by this."""
        if self._device.type == "cuda":
            torch.cuda.synchronize()
        elif self._device.type == "mps":
            torch.mps.synchronize()

    def snapshot(self, row: Row) -> Any:
        return caches.extract(self._cache, self.rows.index(row), row.in_cache)

    def step(self, joining: list[Row], deliver: Deliver) -> None:
        """A pass over the last token of each row, then the draw of the next ones."""
        self._join(joining)
        logits = self._next_logits()
        for row in self.rows:
            row.in_cache += 1
        self._width += 1
        deliver(self._sampler.draw(logits, self.rows).results())

    def _next_logits(self) -> torch.Tensor:
        """The logits after each row's last token, [rows, vocabulary] in float32."""
        rows = self.rows
        self._use_expert(rows[0])
        if self._width == self._switch:  # one row, whose positions from the first on are about to change
            self._cache = self.new_cache()
            tokens = rows[0].tokens
            positions = torch.arange(len(tokens), device=self._device)[None]
            return self._pass(self._ids([tokens]), self._cache, positions, None)[:, -1].float()
        lengths = torch.tensor([[row.in_cache] for row in rows], device=self._device)
        mask = None
        if self._masks and any(row.in_cache < self._width for row in rows):
            mask = torch.arange(self._width + 1, device=self._device) >= self._width - lengths
        ids = self._ids([[row.last_token] for row in rows])
        return self._pass(ids, self._cache, lengths, mask)[:, -1].float()

    def _pass(self, ids: torch.Tensor, cache: Any, positions: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        """The logits [rows, tokens or 1, vocabulary] of ids [rows, tokens] after what is in the cache."""
        given = {"position_ids": positions} if self._takes_positions else {}
        given |= {self._cache_name: cache, **self._few_logits}
        return self._model(ids, attention_mask=mask, use_cache=True, **given).logits

    def remove(self, rows: list[Row], keep_caches: bool) -> None:
        left = [i for i, row in enumerate(self.rows) if row not in rows]
        alone = len(self.rows) == 1
        for i, row in enumerate(self.rows):
            if row in rows:
                row.cache = None
                if keep_caches:
                    row.cache = caches.compact(self._cache) if alone else caches.extract(self._cache, i, row.in_cache)
        if left:
            width = max(self.rows[i].in_cache for i in left)
            caches.select(self._cache, left, self._width, self._width - width)
            self._width = width
        else:
            self._cache, self._width = None, 0
        self.rows = [self.rows[i] for i in left]

    def _join(self, joining: list[Row]) -> None:
        if not joining:
            return
        parts = [(row.cache, row.in_cache) for row in joining]
        if self.rows:
            parts.insert(0, (self._cache, self._width))
        self._width = max(width for _, width in parts)
        self._cache = parts[0][0] if len(parts) == 1 else caches.merge(*map(list, zip(*parts, strict=True)))
        self.rows = self.rows + joining
        for row in joining:
            row.cache = None


class Uncached(_OneExpert):
    """Decodes one row at a time, without a cache: each step is a pass over all of its tokens."""

    chunks = False

    def reset(self) -> None:
        self.rows: list[Row] = []
        self._sampler = BatchSampler()

    def new_cache(self) -> None:
        return None

    def copy_cache(self, cache: Any, tokens: int, surplus: int) -> None:
        return None

    def cache_bytes(self, cache: Any) -> int:
        return 0

    def can_trim(self, cache: Any) -> bool:
        return False

    def prefill(self, row: Row, tokens: list[int]) -> None:
        """There is nothing to keep of a prompt."""

    def settle(self) -> None:
        """Every step waits for its own pass."""

    def snapshot(self, row: Row) -> None:
        return None

    def step(self, joining: list[Row], deliver: Deliver) -> None:
        self.rows += joining
        (row,) = self.rows
        self._use_expert(row)
        logits = self._model(self._ids([row.tokens]), use_cache=False).logits[:, -1].float()
        deliver(self._sampler.draw(logits, self.rows).results())

    def remove(self, rows: list[Row], keep_caches: bool) -> None:
        self.rows = []


def decoder(model: PreTrainedModel, experts: Any) -> Decoder:
    """The decoder for a model."""
    takes = inspect.signature(model.forward).parameters
    cached = models.can_cache(model.config) and bool({"past_key_values", "cache_params"} & {*takes})
    return Batch(model, experts) if cached else Uncached(model, experts)


def _ropes(config: PretrainedConfig) -> list[dict]:
    """The RoPE parameters of a config, for each kind of layer."""
    found = getattr(config.get_text_config(decoder=True), "rope_parameters", None) or {}
    return [found] if "rope_type" in found else [one for one in found.values() if isinstance(one, dict)]


def _long_rope(config: PretrainedConfig) -> int | None:
    """The length from which on a LongRoPE has other frequencies for all positions, or None for any other RoPE."""
    lengths = [
        rope.get("original_max_position_embeddings") for rope in _ropes(config) if rope["rope_type"] == "longrope"
    ]
    return min(filter(None, lengths), default=None)


def _rows_are_independent(model: PreTrainedModel) -> bool:
    """Whether a row's result depends on no other row, nor on its padding. The code of a model folder is unknown.

    A RoPE may go by the longest row, and Llama 4 scales queries by the place in the cache.
    """
    own_code = type(model).__module__.startswith("transformers_modules")
    by_longest = any(rope["rope_type"] in ("dynamic", "longrope") for rope in _ropes(model.config))
    by_place = getattr(model.config.get_text_config(decoder=True), "attn_temperature_tuning", False)
    return not (own_code or by_longest or by_place)
