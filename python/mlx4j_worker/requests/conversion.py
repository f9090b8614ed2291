"""The params of the calls ``convert``, ``fuse`` and ``reference``, read and checked."""

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from reprlib import repr as shown
from typing import Any

from mlx4j_worker.errors import InvalidRequest
from mlx4j_worker.requests.fields import refuse_empty, refuse_unknown, typed
from mlx4j_worker.requests.options import DTYPES, Options

MODES = {  # of mlx's quantization: the bits and the sizes of a group that each can have, its defaults first
    "affine": ((4, 2, 3, 5, 6, 8), (64, 32, 128)),
    "mxfp4": ((4,), (32,)),
    "mxfp8": ((8,), (32,)),
    "nvfp4": ((4,), (16,)),
}
RECIPES = ("mixed_2_6", "mixed_3_4", "mixed_3_6", "mixed_4_6")  # mlx-lm's; bits of most layers, and of some
_PARAMS = {"protocol", "model", "download", "hubToken", "options"}
_LOADED = ("adapter", "base", "expert")


@dataclass(frozen=True)
class Quantization:
    """How weights are quantized; with a recipe, mlx-lm's own choice of bits for each layer stands for ``bits``."""

    bits: int
    group_size: int
    mode: str
    recipe: str | None = None


@dataclass(frozen=True)
class Conversion:
    """A folder to write, absolute and not there yet, and what is to be in it.

    ``options`` says what to load: for ``fuse`` its adapter, base model and expert. ``dtype`` None is as the weights
    are stored. ``reference`` is the file that a Reference of the same model wrote, or None.
    """

    folder: Path
    options: Options = field(default_factory=Options)
    dtype: str | None = None
    quantization: Quantization | None = None
    dequantize: bool = False
    fuse: bool = False
    reference: Path | None = None


@dataclass(frozen=True)
class Reference:
    """A file to write, and what to load for it."""

    file: Path
    options: Options = field(default_factory=Options)


def parse_convert(params: dict[str, Any]) -> Conversion:
    """The Conversion in the params of ``convert``; raises InvalidRequest that names the field."""
    given = _options(params, {"dtype", "bits", "groupSize", "mode", "recipe", "dequantize"})
    dtype = _one_of(given, "dtype", DTYPES)
    dequantize = typed(given, "dequantize", bool, False)
    quantization = _quantization(given)
    if dequantize and quantization:
        raise InvalidRequest("dequantize can't be combined with bits, groupSize, mode or recipe.", "Leave one out.")
    return Conversion(_path(params, "folder"), Options(), dtype, quantization, dequantize, reference=_reference(params))


def parse_fuse(params: dict[str, Any]) -> Conversion:
    """The Conversion in the params of ``fuse``."""
    given = _options(params, {*_LOADED, "dequantize"})
    dequantize = typed(given, "dequantize", bool, False)
    return Conversion(
        _path(params, "folder"), _loaded(given), dequantize=dequantize, fuse=True, reference=_reference(params)
    )


def parse_reference(params: dict[str, Any]) -> Reference:
    """The Reference in the params of ``reference``."""
    return Reference(_path(params, "file"), _loaded(_options(params, {*_LOADED}, {"file"}), device="cpu"))


def _loaded(given: dict[str, Any], **more: Any) -> Options:
    return Options(**{name: typed(given, name, str, None) for name in _LOADED}, **more)


def _reference(params: dict[str, Any]) -> Path | None:
    return None if params.get("reference") is None else _path(params, "reference")


def _options(params: dict[str, Any], known: set[str], more: Iterable[str] = ("folder", "reference")) -> dict[str, Any]:
    refuse_unknown(params, _PARAMS.union(more), "")
    model = params.get("model")
    if not isinstance(model, dict) or not isinstance(model.get("source"), str):
        raise InvalidRequest("model must be an object with a source, a string.")
    given = typed(params, "options", dict, {})
    refuse_unknown(given, known, "options.")
    refuse_empty(given, "options.")
    return given


def _path(params: dict[str, Any], name: str) -> Path:
    path = typed(params, name, str, None)
    if not path or not os.path.isabs(path):
        raise InvalidRequest(f"{name} is {shown(path)}, but must be an absolute path.")
    return Path(os.path.normpath(path))


def _quantization(given: dict[str, Any]) -> Quantization | None:
    mode = _one_of(given, "mode", MODES)
    recipe = _one_of(given, "recipe", RECIPES)
    bits, group_size = (typed(given, name, int, None) for name in ("bits", "groupSize"))
    if mode is None and recipe is None and bits is None:
        if group_size is not None:
            raise InvalidRequest("groupSize has no effect without bits, mode or recipe.", "Name one of them.")
        return None
    mode = mode or "affine"
    if recipe and (mode != "affine" or bits is not None):
        raise InvalidRequest(
            f"recipe can't be combined with {'bits' if bits is not None else f'mode {mode}'}.", "Leave one out."
        )
    for name, value, able in zip(("bits", "groupSize"), (bits, group_size), MODES[mode], strict=True):
        if value is not None and value not in able:
            may = ", ".join(map(str, sorted(able)))
            raise InvalidRequest(f"{name} is {shown(value)}, but the mode {mode} has {may} only.")
    bits = int(recipe.split("_")[1]) if recipe else bits or MODES[mode][0][0]
    return Quantization(bits, group_size or MODES[mode][1][0], mode, recipe)


def _one_of(
    given: dict[str, Any], name: str, known: tuple[str, ...] | dict[str, tuple[tuple[int, ...], tuple[int, ...]]]
) -> str:
    value = typed(given, name, str, None)
    if value is not None and value not in known:
        raise InvalidRequest(f"{name} is {shown(value)}, but must be one of {', '.join(known)}.")
    return value
