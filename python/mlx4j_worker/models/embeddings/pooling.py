"""From hidden states to a text's vector: pooling and the modules after it, in float32."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy

from mlx4j_worker.models.embeddings.description import Dense, Description
from mlx4j_worker.models.safetensors import read_floats

_ERF = numpy.vectorize(math.erf, otypes=[numpy.float32])
_ACTIVATIONS: dict[str, Callable[[numpy.ndarray], numpy.ndarray]] = {
    "Identity": lambda x: x,
    "Tanh": numpy.tanh,
    "ReLU": lambda x: numpy.maximum(x, 0),
    "GELU": lambda x: x * (1 + _ERF(x / math.sqrt(2))) / 2,
    "Sigmoid": lambda x: 1 / (1 + numpy.exp(-x)),
    "SiLU": lambda x: x / (1 + numpy.exp(-x)),
}


@dataclass(frozen=True)
class Pool:
    """How the hidden states of a text become one vector: their weighted sum, or, with ``largest``, the largest values.

    ``weights`` are [tokens] in float32, which the states are multiplied with; for the largest values they are added,
    0 or -inf.
    """

    weights: numpy.ndarray
    largest: bool = False


def pool(mode: str, tokens: int, prompt: int) -> Pool:
    """The Pool of a mode for a text of so many tokens, of which the first ``prompt`` don't count."""
    counted = numpy.arange(tokens) >= prompt
    if mode == "max":
        return Pool(numpy.where(counted, 0, -numpy.inf).astype(numpy.float32), largest=True)
    if mode in ("cls", "lasttoken"):
        weights = numpy.arange(tokens) == (prompt if mode == "cls" else tokens - 1)
    elif mode == "weightedmean":
        weights = counted * numpy.arange(1, tokens + 1)
        weights = weights / weights.sum()
    else:
        weights = counted / (counted.sum() if mode == "mean" else math.sqrt(counted.sum()))
    return Pool(weights.astype(numpy.float32))


class Postprocessing:
    """What comes after pooling: a description's dense layers and normalization, and the cut of the vector."""

    def __init__(self, description: Description) -> None:
        self._dimensions = description.dimensions
        self._steps = [_dense(module) if isinstance(module, Dense) else _normalize for module in description.modules]

    def __call__(self, vector: numpy.ndarray) -> numpy.ndarray:
        """The vector of a text from its pooled hidden states, both float32."""
        for step in self._steps:
            vector = step(vector)
        return vector[: self._dimensions].astype("<f4")


def _normalize(vector: numpy.ndarray) -> numpy.ndarray:
    return vector / max(numpy.linalg.norm(vector), 1e-12)  # torch's smallest divisor


def _dense(dense: Any) -> Any:
    weights = read_floats(dense.file)
    matrix, bias = weights["linear.weight"], weights.get("linear.bias", numpy.float32(0))
    across = weights.get("residual.weight")
    activation = _ACTIVATIONS[dense.activation]

    def apply(vector: Any) -> Any:
        result = activation(matrix @ vector + bias)
        if dense.residual:
            result = result + (vector if across is None else across @ vector)
        return result

    return apply
