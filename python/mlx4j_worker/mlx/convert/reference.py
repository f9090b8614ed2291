"""Compares a converted model, and its source on mlx, with what transformers computes for the source."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import mlx.core as mx
from mlx.utils import tree_flatten

from mlx4j_worker.engine import sample_prompts
from mlx4j_worker.mlx.convert import transform, verify
from mlx4j_worker.mlx.engine import available_bytes

_SAME_ON_GPU = 1e-2  # in place of proof.SAME; unmeasured. GPUs add in another order, with faster exp and rsqrt
_HINT = "Use the hf backend for this model, or convert it without the comparison with transformers."


class Reference:
    """What the call ``reference`` wrote into a file; ``given`` has the prompts."""

    def __init__(self, file: Path) -> None:
        self.given, logits, self._dtype = sample_prompts.load(file)
        self._expected = verify.SampleOutputs(logits, [[] for _ in logits])
        self._stored_exactly = False
        self._source: dict[str, Any] = {}

    def check_source(self, model: Any, stored: Any, step: Callable[..., None]) -> None:
        """Raises ConversionFailed where mlx computes something else for the source than transformers.

        ``stored`` is the model's Sample in the dtype of its weights. If that is of 16 bits, and transformers has
        computed in float32, so does mlx, provided the memory is enough: rounding would hide small errors.
        """
        weights = [w for _, w in tree_flatten(model.parameters()) if mx.issubdtype(w.dtype, mx.floating)]
        exact = self._dtype == "float32" and not transform.is_quantized(model)
        self._stored_exactly = exact and all(weight.dtype == mx.float32 for weight in weights)
        own = stored
        if exact and not self._stored_exactly:
            available = available_bytes(None)
            exact = available is None or 4 * sum(weight.size for weight in weights) <= available
            if exact:
                with _in_float32(model):
                    own = verify.run_samples(model, self.given, step, greedy_tokens=0)
        self._source = self._compare(own)
        self._check(self._source, exact, "What mlx computes for this model")

    def check_result(self, result: Any, kind: str) -> Any:
        """The figures of the converted model's Sample; ``kind`` is that of proof.check. Raises ConversionFailed."""
        figures = self._compare(result)
        most = math.log(result.logits[0].shape[-1]) / 2 if kind == "quantized" else verify.ROUNDED
        exact = kind == "same" and self._stored_exactly
        bound = self._check(figures, exact, "The converted model", most)
        names = ("prompts", "positions", "maxDifference", "relativeDifference", "meanDivergence", "argmaxAgreed")
        return {
            "dtype": self._dtype,
            **{name: figures[name] for name in names},
            "bound": bound,
            "sourceDifference": self._source["relativeDifference"],
        }

    def _compare(self, own: Any) -> Any:
        """The figures of a Sample; a vocabulary that one side has padded is compared as far as both go."""
        width = min(one.logits[0].shape[-1] for one in (self._expected, own))
        cut = [verify.SampleOutputs([part[:, :width] for part in one.logits], [[] for _ in one.logits])
               for one in (self._expected, own)]  # fmt: skip
        return verify.compare(*cut)

    def _check(self, figures: Any, exact: Any, what: str, most: Any = verify.ROUNDED) -> Any:
        name = "relativeDifference" if exact else "meanDivergence"
        if exact:
            most = verify.SAME if mx.default_device() == mx.cpu else _SAME_ON_GPU
        return verify.check_figures(figures, name, most, what, "what transformers computes for the source", _HINT)


@contextmanager
def _in_float32(model: Any) -> Iterator[None]:
    stored = model.parameters()
    transform.cast(model, mx.float32)
    try:
        yield
    finally:
        model.update(stored)
