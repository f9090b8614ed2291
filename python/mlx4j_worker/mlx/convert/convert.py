"""The calls ``convert`` and ``fuse``. The new folder appears complete and verified, or not at all."""

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import mlx.core as mx
from mlx.utils import tree_flatten, tree_map
from mlx_lm.utils import compute_bits_per_weight, load_model

from mlx4j_worker import failures, files, memory
from mlx4j_worker.call import Call
from mlx4j_worker.engine import sample_prompts
from mlx4j_worker.errors import Cancelled, ConversionFailed, InvalidRequest, OutOfMemory, WorkerError
from mlx4j_worker.mlx import compat, loading
from mlx4j_worker.mlx.architectures import FalconH1
from mlx4j_worker.mlx.convert import transform, verify, write
from mlx4j_worker.mlx.convert.reference import Reference
from mlx4j_worker.mlx.convert.verify import SampleOutputs
from mlx4j_worker.mlx.engine import available_bytes, dtype_name, widest_dtype
from mlx4j_worker.mlx.loading import SourceModel
from mlx4j_worker.models import folder
from mlx4j_worker.models.layout import Layout
from mlx4j_worker.requests.conversion import Conversion, parse_convert, parse_fuse
from mlx4j_worker.requests.options import Options

_CLOSE = "Close other programs."


def convert(call: Call, moved: Callable[..., Any]) -> dict[str, Any]:
    """The result of a ``convert``; ``moved`` is called for every sign of progress."""
    return _run(call, moved, parse_convert(call.params))


def fuse(call: Call, moved: Callable[..., Any]) -> dict[str, Any]:
    """The result of a ``fuse``."""
    return _run(call, moved, parse_fuse(call.params))


def _run(call: Call, moved: Callable[..., Any], wanted: Conversion) -> dict[str, Any]:
    def step(phase: str, done: int, total: int, unit: str) -> None:
        moved()
        if call.cancelled:
            raise Cancelled(f"The {call.method} was cancelled; nothing was written to {wanted.folder}.")
        call.progress(phase, done, total, unit)

    try:
        with write.atomic_folder(wanted.folder) as part:
            result = _write_folder(call.params, wanted, part, step)
            mx.synchronize()  # raises what any part of it failed with, before the folder appears
            return result
    finally:
        gc.collect()
        mx.clear_cache()


def _write_folder(params: dict[str, Any], wanted: Conversion, part: Path, step: Callable[..., Any]) -> dict[str, Any]:
    source = loading.load_source(params, wanted.options, step)
    _check(source, wanted)
    source.model.update(tree_map(mx.contiguous, source.model.parameters()))  # as they'll be read: so, sums are the same
    reference = wanted.reference and Reference(wanted.reference)
    given = reference.given if reference else sample_prompts.sample_prompts(source.tokenizer, source.context)
    before = verify.run_samples(source.model, given, step)
    if reference:
        reference.check_source(source.model, before, step)
    config, unquantized, kind = _transformed(source, wanted, step)
    report = _write(source, config, part, step)
    layout, warnings = source.layout, source.warnings
    del source
    _free_memory()
    converted = loading.load_source({"model": {"source": str(part)}}, Options(), step)
    after = verify.run_samples(converted.model, given, step)
    figures = verify.compare(before, after)
    bound = verify.check(figures, before.logits[0].shape[-1], kind)
    proven = {**figures, "weights": kind, "bound": bound}
    proven["transformers"] = reference and reference.check_result(after, kind)
    converted.model = None
    _free_memory()
    alone, warning = _by_mlx_lm_alone(part, given, after, step)
    return {
        "folder": str(wanted.folder),
        "source": str(layout.weights),
        "adapter": str(layout.adapter.folder) if layout.adapter else None,
        "expert": wanted.options.expert,
        **report,
        "quantization": _quantization(config),
        "unquantized": [{"name": name, "reason": why} for name, why in unquantized],
        "verification": {
            **proven,
            "mlxLmDifference": alone,
        },
        "warnings": [*warnings, *([warning] if warning else [])],
    }


def _check(source: SourceModel, wanted: Conversion) -> None:
    """Refuses a model that needs the other call, and a target inside a folder that is read."""
    layout = source.layout
    adapted = layout.adapter is not None or bool(layout.dylora and layout.dylora.experts)
    if adapted and not wanted.fuse:
        raise InvalidRequest("The model has an adapter, which convert would leave out.", "Use fuse.")
    if wanted.fuse and not adapted:
        raise InvalidRequest("There is no adapter to fuse.", "Name one in options.adapter, or use convert.")
    for one in (layout.weights, layout.tokenizer, layout.author, layout.adapter and layout.adapter.folder):
        if one and files.is_within(wanted.folder, one):
            raise InvalidRequest(f"{wanted.folder} is in the model folder {one}.", "Name a folder elsewhere.")


def _transformed(
    source: SourceModel, wanted: Conversion, step: Callable[..., Any]
) -> tuple[dict[str, Any], list[tuple[str, str]], str]:
    """Turns the source's model into what is wanted.

    Gives its config, the layers that were to be quantized and aren't, and what proof.check calls the kind of change.
    """
    model, config = source.model, source.config
    unquantized: list[tuple[str, str]] = []
    where, before = source.layout.weights, _types(model)
    with _refusing(where):
        if wanted.dequantize:
            transform.check_quantized(model)
        if wanted.fuse:
            transform.fuse(model, config, requantize=not wanted.dequantize)
        if wanted.dequantize:
            config = transform.dequantize(model, config)
        if wanted.dtype:
            if not wanted.dequantize and transform.is_quantized(model):
                raise InvalidRequest(
                    f"dtype is {wanted.dtype}, but the weights of {where} are quantized and stay quantized.",
                    "Leave it out, or also use dequantize.",
                )
            transform.cast(model, getattr(mx, wanted.dtype))
        if wanted.fuse or wanted.dequantize or wanted.dtype:
            needed = sum(weight.nbytes for _, weight in tree_flatten(model.parameters()))
            memory.check_weights(f"the model made of {where}", needed, available_bytes(None))
        if wanted.quantization:
            config, unquantized = transform.quantize(model, config, wanted.quantization)
        transform.evaluate(model, wanted.dtype, step)
    if transform.is_quantized(model) and (wanted.quantization or wanted.fuse):
        kind = "quantized"
    else:
        kind = "same" if _types(model) == before and not wanted.fuse else "rounded"
    dtype = dtype_name(widest_dtype(model.parameters()))
    config = _own(config, source.layout)
    if config.get("model_type") == "falcon_h1":
        config = FalconH1.without_folded(config)
    config = {name: value for name, value in config.items() if name not in compat.PARTS or value}
    return _with_dtype(config, dtype), unquantized, kind


@contextmanager
def _refusing(path: Path) -> Iterator[None]:
    """Converts mlx-lm's exceptions into errors that name the model."""
    try:
        yield
    except WorkerError:
        raise
    except Exception as error:
        if known := failures.typed(error, _CLOSE):
            raise known from error
        raise ConversionFailed(
            f"mlx-lm can't convert {path} that way: {type(error).__name__}: {error}", "Choose other options."
        ) from error


def _types(model: Any) -> dict[str, Any]:
    return {name: weight.dtype for name, weight in tree_flatten(model.parameters())}


def _own(config: dict[str, Any], layout: Layout) -> dict[str, Any]:
    """The config without what is said of a DyLoRA-MoE, which the written folder is not."""
    if layout.dylora is None:
        return config
    there = (layout.dylora.folder / "config.json").is_file()
    own = folder.read_json(layout.dylora.folder, "config.json") if there else {}
    wrapper = own.keys() - layout.config.keys()
    wrapper |= {name for name in config if name.startswith("_dylora")} | {"base_model_name_or_path", "saved_at"}
    return {name: value for name, value in config.items() if name not in wrapper}


def _with_dtype(config: dict[str, Any], dtype: Any) -> dict[str, Any]:
    new = {name: dtype for name in ("dtype", "torch_dtype") if config.get(name) is not None}
    text = config.get("text_config")
    return config | new | ({"text_config": _with_dtype(text, dtype)} if isinstance(text, dict) else {})


def _write(source: SourceModel, config: dict[str, Any], part: Path, step: Callable[..., Any]) -> dict[str, Any]:
    """Writes everything, reads the weights back, and returns their part of the report."""
    model = source.model
    parameters = dict(tree_flatten(model.parameters()))
    size = sum(weight.nbytes for weight in parameters.values())
    write.check_disk_space(part, size + (64 << 20))  # the tokenizer and the rest are well below
    write.write_weights(part, model, parameters, step)
    write.write_config(part, config)
    write.copy_files(source.layout, part)
    write.check_weights(part, parameters, step)
    return {
        "dtype": dtype_name(widest_dtype(parameters)),
        "bytes": size,
        "sourceBytes": folder.weight_bytes(source.layout.weights),
        "tensors": len(parameters),
        "bitsPerWeight": float(compute_bits_per_weight(model)),
    }


def _by_mlx_lm_alone(
    part: Path, given: list[list[int]], expected: SampleOutputs, step: Callable[..., Any]
) -> tuple[float | None, str | None]:
    """(the largest difference of logits where mlx-lm alone loads the folder, None if it can't; a warning or None)."""
    try:
        with loading.readable(part) as path:
            model, _ = load_model(path)
        found = verify.compare(expected, verify.run_samples(model, given, step))
    except Cancelled:
        raise
    except Exception as error:
        if isinstance(known := failures.typed(error, _CLOSE), OutOfMemory):
            raise known from error
        return None, f"mlx-lm alone can't load the converted folder: {type(error).__name__}: {error}"
    most, share = found["maxDifference"], found["relativeDifference"]
    if share is None or share > verify.SAME:
        return most, "mlx-lm alone makes something else of the converted folder than mlx4j, which puts it right."
    return most, None


def _quantization(config: dict[str, Any]) -> dict[str, Any] | None:
    found = config.get("quantization")
    if found is None:
        return None
    return {"bits": found["bits"], "groupSize": found["group_size"], "mode": found.get("mode", "affine")}


def _free_memory() -> None:
    gc.collect()
    mx.clear_cache()
