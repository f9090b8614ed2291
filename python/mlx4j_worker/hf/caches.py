"""KV caches of transformers for one row and for many: merged with padding on the left, parted, copied and cut back.

The width of a cache is the number of its tokens with padding. Layers of a sliding window keep the last ones only, and
recurrent layers a state for each row, which needs no padding.
"""

from typing import Any

import torch
from torch.nn.functional import pad
from transformers import DynamicCache, PretrainedConfig
from transformers.cache_utils import (
    DummyLayer,
    DynamicLayer,
    DynamicSlidingWindowLayer,
    LinearAttentionAndFullAttentionLayer,
    LinearAttentionAndSlidingWindowAttentionLayer,
    LinearAttentionLayer,
)

_ROOM = 64  # tokens for which a layer makes room at once
_MOST_OVERHEAD = 1.25  # memory of a compact cache, relative to that of its tokens


class GrowingLayer(DynamicLayer):
    """Writes new tokens into room that it has made before; transformers' own copies all tokens for each new one.

    ``keys`` and ``values`` are views of what is used of that room. Tokens that are in it are never changed, so a copy
    may be a view too. Its first new token gets room of its own.
    """

    def __init__(self) -> None:
        super().__init__()
        self.keys: torch.Tensor
        self.values: torch.Tensor
        self._room: tuple[torch.Tensor, torch.Tensor] | None = None

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        begin = self.get_seq_length()
        end = begin + key_states.shape[-2]
        if self._room is None or end > self._room[0].shape[-2]:
            self._room = (
                self._grown(self.keys, key_states, begin, end),
                self._grown(self.values, value_states, begin, end),
            )
        for room, new in zip(self._room, (key_states, value_states), strict=True):
            room[..., begin:end, :] = new
        self.keys, self.values = (room[..., :end, :] for room in self._room)
        return self.keys, self.values

    @staticmethod
    def _grown(old: torch.Tensor, new: torch.Tensor, begin: int, end: int) -> torch.Tensor:
        room = new.new_empty((*new.shape[:-2], end + _ROOM, new.shape[-1]))
        if begin:
            room[..., :begin, :] = old
        return room


_ATTENTION = (GrowingLayer, DynamicSlidingWindowLayer, DummyLayer)
_RECURRENT = (
    LinearAttentionLayer,
    LinearAttentionAndFullAttentionLayer,
    LinearAttentionAndSlidingWindowAttentionLayer,
)


def new(config: PretrainedConfig) -> DynamicCache:
    """An empty cache for a model."""
    cache = DynamicCache(config=config)
    cache.layers = [GrowingLayer() if type(layer) is DynamicLayer else layer for layer in cache.layers]
    if not cache.layers:
        cache.layer_class_to_replicate = GrowingLayer
    return cache


def can_merge(config: PretrainedConfig) -> bool:
    """Whether the caches of a model can be merged."""
    return all(type(layer) in _ATTENTION + _RECURRENT for layer in new(config).layers)


def is_recurrent(config: PretrainedConfig) -> bool:
    """Whether a layer has a state rather than keys and values."""
    return any(isinstance(layer, LinearAttentionLayer) for layer in new(config).layers)


def has_attention(config: PretrainedConfig) -> bool:
    """Whether a layer has keys and values."""
    return any(isinstance(layer, DynamicLayer) for layer in new(config).layers) or not new(config).layers


def merge(caches: list[DynamicCache], widths: list[int]) -> DynamicCache:
    """One cache with the rows of all, in their order, as wide as the widest. The others must not be used any more."""
    width = max(widths)
    merged = caches[widths.index(width)]  # if any has tokens, so has this one
    for index, target in enumerate(merged.layers):
        parts = [cache.layers[index] for cache in caches]
        if isinstance(target, LinearAttentionLayer):
            for states in (target.conv_states, target.recurrent_states):
                for key, state in states.items():
                    if state is not None:
                        name = "conv_states" if states is target.conv_states else "recurrent_states"
                        states[key] = torch.cat([_state(getattr(part, name)[key], state) for part in parts])
        if isinstance(target, DynamicLayer) and target.is_initialized:
            kept = _kept(target, width)
            keys = torch.cat([_widened(part.keys, part.is_initialized, target.keys, kept) for part in parts])
            values = torch.cat([_widened(part.values, part.is_initialized, target.values, kept) for part in parts])
            _set(target, keys, values, width)
    return merged


def _last(x: torch.Tensor, tokens: int) -> torch.Tensor:
    return x[..., x.shape[-2] - tokens :, :]


def _state(state: torch.Tensor | None, like: torch.Tensor) -> torch.Tensor:
    """The state of a layer; that of a row without tokens is 0."""
    return torch.zeros_like(like[:1]) if state is None else state


def _widened(x: torch.Tensor, is_initialized: bool, like: torch.Tensor, width: int) -> torch.Tensor:
    """Keys or values with padding on the left."""
    if not is_initialized:
        x = like[:1, ..., :0, :]
    return pad(x, (0, 0, width - x.shape[-2], 0)) if x.shape[-2] < width else x


def select(cache: DynamicCache, rows: list[int], width: int, cut: int) -> None:
    """Keeps only these rows of a cache of this width, and removes ``cut`` tokens of padding from the left."""
    for layer in cache.layers:
        if isinstance(layer, LinearAttentionLayer):
            _select_states(layer, layer, rows)
        if isinstance(layer, DynamicLayer) and layer.is_initialized:
            keys, values = (_last(x, _kept(layer, width - cut))[rows] for x in (layer.keys, layer.values))
            _set(layer, keys, values, width - cut)


def extract(cache: DynamicCache, row: int, tokens: int) -> DynamicCache:
    """A cache of its own for a row, which has so many tokens without padding."""
    alone = _empty_like(cache)
    for layer, source in zip(alone.layers, cache.layers, strict=True):
        if isinstance(layer, LinearAttentionLayer):
            _select_states(layer, source, [row])
        if isinstance(layer, DynamicLayer) and source.is_initialized:
            keys, values = (_last(x, _kept(layer, tokens))[[row]] for x in (source.keys, source.values))
            _set(layer, keys, values, tokens)
    return alone


def copy(cache: DynamicCache, tokens: int, surplus: int) -> DynamicCache:
    """A copy of a cache of one row that holds its first tokens, all but the surplus."""
    copied = _empty_like(cache)
    for layer, source in zip(copied.layers, cache.layers, strict=True):
        if isinstance(layer, LinearAttentionLayer):
            _select_states(layer, source, [0])
        if isinstance(layer, DynamicLayer) and source.is_initialized:
            end = source.keys.shape[-2] - surplus
            _set(layer, source.keys[..., :end, :], source.values[..., :end, :], tokens)
    return copied


def can_trim(cache: DynamicCache) -> bool:
    """Whether any number of tokens can be removed from the end."""
    return all(_is_whole(layer) for layer in cache.layers)


def compact(cache: DynamicCache) -> DynamicCache:
    """The cache of one row, whose keys and values may be views: without the rest of their memory, if that is much."""
    for layer in cache.layers:
        if isinstance(layer, DynamicLayer) and layer.is_initialized:
            used, whole = (sum(size(x) for x in (layer.keys, layer.values)) for size in (_used, _whole))
            if whole > _MOST_OVERHEAD * used:
                width = layer.cumulative_length if layer.is_sliding else layer.get_seq_length()
                _set(layer, layer.keys.clone(), layer.values.clone(), width)
    return cache


def nbytes(cache: DynamicCache) -> int:
    """The memory of a cache in bytes, including what its tensors are views of."""
    return sum(_whole(x) for layer in cache.layers for x in _all_tensors(layer))


def _used(x: torch.Tensor) -> int:
    return x.numel() * x.element_size()


def _whole(x: torch.Tensor) -> int:
    return x.untyped_storage().nbytes()


def _is_whole(layer: Any) -> bool:
    if type(layer) is DynamicSlidingWindowLayer:
        return layer.cumulative_length < layer.sliding_window
    return type(layer) in (GrowingLayer, DummyLayer)


def _kept(layer: DynamicLayer, width: int) -> int:
    """How many of so many tokens a layer keeps."""
    return min(width, layer.sliding_window - 1) if layer.is_sliding else width


def _set(layer: DynamicLayer, keys: torch.Tensor, values: torch.Tensor, width: int) -> None:
    if not layer.is_initialized:
        layer.lazy_initialization(keys, values)
    layer.keys, layer.values = keys, values
    if layer.is_sliding:
        layer.cumulative_length = width
    if isinstance(layer, GrowingLayer):
        layer._room = None


def _select_states(layer: LinearAttentionLayer, source: LinearAttentionLayer, rows: list[int]) -> None:
    layer.dtype, layer.device = source.dtype, source.device
    for flags in (
        "is_conv_states_initialized",
        "is_recurrent_states_initialized",
        "has_previous_state",
        "conv_kernel_size",
    ):
        getattr(layer, flags).update(getattr(source, flags))
    for states in ("conv_states", "recurrent_states"):
        for index, tensor in getattr(source, states).items():
            getattr(layer, states)[index] = None if tensor is None else tensor[rows].clone()


def _empty_like(cache: DynamicCache) -> DynamicCache:
    """A cache with empty layers of the same kinds."""
    empty = DynamicCache()
    empty.layers = [_empty_layer(layer) for layer in cache.layers]
    empty.layer_class_to_replicate = cache.layer_class_to_replicate
    return empty


def _empty_layer(layer: Any) -> Any:
    sliding = {"sliding_window": layer.sliding_window} if getattr(layer, "is_sliding", False) else {}
    states = {"number_of_states": layer.number_of_states} if isinstance(layer, LinearAttentionLayer) else {}
    return type(layer)(**sliding, **states)


def _all_tensors(layer: Any) -> list[torch.Tensor]:
    found = []
    if isinstance(layer, LinearAttentionLayer):
        found += [x for x in (*layer.conv_states.values(), *layer.recurrent_states.values()) if x is not None]
    if isinstance(layer, DynamicLayer) and layer.is_initialized:
        found += [layer.keys, layer.values]
    return found
