"""Maps between mlx-lm's and transformers' names of weights."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import mlx.core as mx
from mlx import nn
from mlx.utils import tree_flatten

from mlx4j_worker import failures
from mlx4j_worker.models import name_prefix
from mlx4j_worker.models.folder import tensor_names
from mlx4j_worker.training import target_modules as of_training

_SQUARE = (8, 8)  # the shape of a weight that stands for others where only its name matters
_PREFIX = "transformer."  # of the models whose body has no name in mlx-lm


def stored(folder: Path) -> list[str]:
    """The paths of all modules with a weight in a model folder, as its files name them."""
    prefix = name_prefix.of_model(folder)
    names = [name.removeprefix(prefix) for name in tensor_names(folder)]
    return [name.removesuffix(".weight") for name in names if name.endswith(".weight")]


def in_mlx(model: Any, modules: dict[str, nn.Module], path: str, shape: tuple[int, int]) -> tuple[str | None, bool]:
    """(the module of mlx-lm with the weights of transformers' module ``path``, whether they are turned there).

    (None, False) where that is not certain. It is certain where mlx-lm takes over the weight of that module as it is,
    rows and columns in their order. What mlx-lm does with weights, its ``sanitize`` does, so that is asked. ``shape``
    is (outputs, inputs); GPT-2's weights are stored turned. The text part of the model may have another prefix in
    ``path``.
    """
    for one in of_training.equivalent_paths(path):
        for transposed in (False, True):
            try:
                name = _placed(model, f"{one}.weight", shape, transposed)
            except Exception as error:  # it wants to see all weights together
                failures.check(error)
                if one in modules:
                    return one, False
                break
            if name is not None and name.removesuffix(".weight") in modules:
                return name.removesuffix(".weight"), transposed
    return None, False


def _placed(model: Any, name: str, shape: tuple[int, int], transposed: bool = False) -> str | None:
    """What ``sanitize`` calls one tensor of transformers; None where it makes another thing of it."""
    column = [-1] + [1] * (len(shape) - 1)
    marked = mx.broadcast_to(mx.arange(1, shape[0] + 1).reshape(column), shape)
    weights = {name: marked.T if transposed else marked}
    if hasattr(model, "sanitize"):
        with _unchanged(model):
            weights = model.sanitize(weights)
    if len(weights) != 1:
        return None
    ((found, weight),) = weights.items()
    same = weight.shape == marked.shape and mx.array_equal(weight[..., :1], marked[..., :1]).item()
    return found if same else None


@contextmanager
def _unchanged(model: Any) -> Iterator[None]:
    """Undoes what ``sanitize`` does to a model: some drop the output head if it is not among the weights."""
    owners = [one for one in (model, getattr(model, "language_model", None)) if one is not None]
    kept = [(one, dict(one), dict(vars(one))) for one in owners]
    try:
        yield
    finally:
        for one, items, attributes in kept:
            dict.clear(one)
            dict.update(one, items)  # a module is a dict, whose own update is for parameters
            vars(one).clear()
            vars(one).update(attributes)


def linear_modules(model: Any, stored: list[str] | tuple[Any, ...] = ()) -> dict[str, tuple[str, bool]]:
    """{transformers' path: (mlx-lm's path, whether turned)} of the linear modules that both have.

    ``stored`` has the paths of the model's folder, which are transformers' own, unless mlx-lm wrote the folder.
    """
    modules: dict[str, Any] = dict(model.named_modules())
    found: dict[str, tuple[str, bool]] = {}
    renamed: dict[str, str] = {}
    for path in stored:
        if path not in modules and (name := in_mlx(model, modules, path, _SQUARE)[0]):
            renamed[name] = path
    for path, module in modules.items():
        if isinstance(module, (nn.Linear, nn.QuantizedLinear)):
            outputs, inputs = module.weight.shape
            inputs = inputs * 32 // module.bits if hasattr(module, "bits") else inputs
            for candidate in (_PREFIX + path.removeprefix("model."), renamed.get(path, path)):
                name, transposed = in_mlx(model, modules, candidate, (outputs, inputs))
                if name == path:
                    found[candidate] = (path, transposed)
                    break
    return found


def parameters(model: Any) -> dict[str, Any]:
    """{mlx-lm's name: (transformers' name, whether turned)} of a model's parameters, without LoRA, that both have.

    It has none of more than two dimensions, such as the experts of a mixture: mlx-lm lays them out in its own way, and
    its ``sanitize`` lets through what is laid out so already.
    """
    linear = {path: (named, transposed) for named, (path, transposed) in linear_modules(model).items()}
    found = {}
    for name, value in tree_flatten(model.parameters()):
        path, _, last = name.rpartition(".")
        if path in linear and last == "weight":
            found[name] = (f"{linear[path][0]}.weight", linear[path][1])
            continue
        if not 1 <= value.ndim <= 2:
            continue
        for candidate in (_PREFIX + name.removeprefix("model."), name):
            try:
                placed = _placed(model, candidate, value.shape)
            except Exception as error:  # it wants to see all weights together
                failures.check(error)
                placed = None
            if placed == name:
                found[name] = (candidate, False)
                break
    return found
