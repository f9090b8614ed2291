"""Checks a model folder before any library opens it: nothing in it may run code or point outside it."""

import json
import os
from collections import Counter
from collections.abc import Iterator
from math import prod
from pathlib import Path
from reprlib import repr as shown
from typing import Any

from mlx4j_worker import files
from mlx4j_worker.errors import ModelLoadFailed, ModelNotFound, UnsafeModel
from mlx4j_worker.models.safetensors import Tensor, read_header

_CONTEXT_NAMES = (
    "max_position_embeddings",
    "n_positions",
    "n_ctx",
    "max_seq_len",
    "seq_length",
    "model_max_length",
)
_WIDTHS = ("word_embed_proj_dim", "hidden_size", "n_embd", "d_model", "dim")
_COUNTS = ("num_hidden_layers", "num_layers", "n_layer")
_SIZES: tuple[str, ...] = (
    "hidden_size",
    "n_embd",
    "intermediate_size",
    "moe_intermediate_size",
    "n_inner",
    "vocab_size",
    "head_dim",
)
_SIZES += ("num_attention_heads", "n_head", "num_key_value_heads")
_MAX_PACKED = 32  # values in one of a quantized tensor
_MAX_TENSORS = 500_000
_MAX_BYTES = {  # of files that are read whole; by name, else by suffix
    "tokenizer.json": 128 << 20,
    "vocab.json": 128 << 20,
    "generation_config.json": 1 << 20,
    "chat_template.json": 1 << 20,
    ".json": 16 << 20,  # an index of 100,000 tensors has some 10 MiB
    ".jinja": 1 << 20,
    ".txt": 128 << 20,  # merges.txt, vocab.txt
    ".model": 128 << 20,  # of SentencePiece
    ".tiktoken": 128 << 20,
}
_IMPLEMENTATIONS = ("attn_implementation", "experts_implementation")
_INDEX = ".safetensors.index.json"
FLOATS = {"BF16": "bfloat16", "F16": "float16", "F32": "float32"}
_PICKLES = {".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle"}


def check(folder: Path | str) -> dict[str, Any]:
    """The folder's config.json as a dict; raises a WorkerError that says what is wrong with the folder."""
    folder = Path(folder)
    if not folder.is_dir():
        raise ModelNotFound(f"There is no model folder at {folder}.", "Check the path, or name a model of the hub.")
    names = _names(folder)
    _check_entries(folder, names)
    config = _config(folder)
    _check_contents(folder)
    _check_kernels(folder, config)
    if config.get("model_file"):
        raise UnsafeModel(
            f"{folder} requires its own code: config.json has model_file {config['model_file']!r}.",
            "Use a model whose architecture the engine has.",
        )
    check_weights(folder, config)
    return config


def _check_contents(folder: Path) -> None:
    """Refuses links out of a folder, files too large for a library that reads them whole, templates not in UTF-8."""
    everything = list(_everything(folder))
    _check_entries(folder, everything)
    for path in everything:
        if path.parent == folder or path.parent.name == "additional_chat_templates":
            _check_size(path)
            _check_template(path)


def _check_template(path: Path) -> None:
    if path.suffix != ".jinja" or files.is_companion(path.name):
        return
    try:
        path.read_text(encoding="utf-8")
    except OSError:  # whoever reads it says why
        return
    except UnicodeDecodeError as error:
        raise ModelLoadFailed(
            f"{path.name} in {path.parent} is not in UTF-8: {error}", "Save it in UTF-8, or download or copy it again."
        ) from None


def _check_size(path: Path) -> None:
    most = _MAX_BYTES.get(path.name, _MAX_BYTES.get(path.suffix))
    if most is None:
        return
    try:
        size = path.stat().st_size
    except OSError:  # whoever reads it says why
        return
    if size > most:
        raise ModelLoadFailed(
            f"{path.name} in {path.parent} has {size} bytes, but the limit is {most}.",
            "Download or copy the model again.",
        )


def _check_kernels(folder: Path, config: dict[str, Any]) -> None:
    """transformers downloads and runs a kernel whose name is that of a repository."""
    parts: list[Any] = [config]
    while parts:
        part = parts.pop()
        for name, value in part.items() if isinstance(part, dict) else enumerate(part):
            if isinstance(value, dict | list):
                parts.append(value)
            if str(name).strip("_").removesuffix("_internal") in _IMPLEMENTATIONS:
                for one in value.values() if isinstance(value, dict) else [value]:
                    if isinstance(one, str) and "/" in one:
                        raise UnsafeModel(
                            f"config.json in {folder} requires code from the hub: {name} is {shown(one)}.",
                            f"Remove {name} from config.json.",
                        )


def check_weights(folder: Path, config: dict[str, Any] | None = None) -> None:
    """Refuses a folder without weights, or with damaged ones."""
    folder, config = Path(folder), config or {}
    names = _names(folder)
    if not any(path.suffix == ".safetensors" for path in names):
        pickles = [path.name for path in names if path.suffix in _PICKLES]
        if pickles:
            raise UnsafeModel(
                f"{folder} has only pickled weights ({', '.join(pickles[:3])}), which can run code when read.",
                "Use a copy with *.safetensors, or convert it.",
            )
        raise ModelLoadFailed(f"{folder} has no weights (*.safetensors).", "Download or copy the model again.")
    if "transformers_weights" in config:
        _check_names(folder, "config.json", [config["transformers_weights"]], (".safetensors", _INDEX))
    read = [path for path in names if path.name.startswith("model")]  # others, if any, are a copy in another layout
    if not any(path.suffix == ".safetensors" for path in read):
        read = names
    tensors, count = {}, 0
    for path in (path for path in read if path.suffix == ".safetensors"):
        tensors[path.name] = read_header(path)
        count += len(tensors[path.name])
        if count > _MAX_TENSORS:
            raise ModelLoadFailed(
                f"{folder} has more than {_MAX_TENSORS} tensors.", "Download or copy the model again."
            )
    for index in (path for path in read if path.name.endswith(_INDEX)):
        _check_index(folder, index, tensors)
    _check_against_weights(folder, config, [one for file in tensors.values() for one in file.items()])


def _check_against_weights(folder: Path, config: dict[str, Any], tensors: list[tuple[str, Tensor]]) -> None:
    """Refuses what a library would take on trust: sizes that it would allocate, and whole numbers for weights."""
    widest = max((n for _, tensor in tensors for n in tensor.shape), default=0) * _MAX_PACKED
    parts = [part for part in (config, config.get("text_config")) if isinstance(part, dict)]
    for part in parts:
        for names, most in ((_COUNTS, len(tensors)), (_SIZES, widest)):
            for name in names:
                value = part.get(name)
                if type(value) is int and value > most:
                    raise ModelLoadFailed(
                        f"config.json in {folder} has {name} {shown(value)}, but the weights are too small for that.",
                        "The config is not that of these weights. Download or copy the model again.",
                    )
    if any(name.startswith("quantization") for part in parts for name in part):
        return
    for name, tensor in tensors:
        if name.endswith(".weight") and not tensor.dtype.startswith(("F", "BF")):
            raise ModelLoadFailed(
                f"{shown(name)} in {folder} has whole numbers ({tensor.dtype}), but config.json has no quantization.",
                "Download or convert the model again.",
            )


def weight_bytes(folder: Path, value_bytes: int | None = None) -> int:
    """How many bytes the weights of a model folder take; with ``value_bytes`` for each floating-point number."""
    return sum(
        prod(tensor.shape) * value_bytes if value_bytes and tensor.dtype in FLOATS else tensor.size
        for tensor in _tensors(folder)
    )


def value_count(folder: Path) -> int:
    """How many numbers the weights of a model folder are."""
    return sum(prod(tensor.shape) for tensor in _tensors(folder))


def stored_dtype(folder: Path) -> str | None:
    """What most of a model folder's weights are: bfloat16, float16, float32, or None for anything else."""
    sizes: Counter[str] = Counter()
    for tensor in _tensors(folder):
        sizes[tensor.dtype] += prod(tensor.shape)
    return FLOATS.get(max(sizes, key=sizes.__getitem__)) if sizes else None


def tensor_names(folder: Path) -> list[str]:
    """The names of a model folder's weights."""
    return [name for header in _headers(folder) for name in header]


def _tensors(folder: Path) -> list[Tensor]:
    return [tensor for header in _headers(folder) for tensor in header.values()]


def _headers(folder: Path) -> list[dict[str, Tensor]]:
    everything = files.listed(folder, "*.safetensors")
    weights = [path for path in everything if path.name.startswith("model")] or everything
    return [read_header(path) for path in weights]


def check_weights_file(folder: Path, name: str) -> None:
    """Refuses a folder without this file of weights, or with a damaged one."""
    path = Path(folder) / name
    if not path.is_file():
        pickles = sorted(other.name for other in _names(Path(folder)) if other.suffix in _PICKLES)
        if pickles:
            raise UnsafeModel(
                f"{folder} has only pickled weights ({', '.join(pickles[:3])}), which can run code when read.",
                f"Use a copy with {name}, or save it again with safetensors.",
            )
        raise ModelLoadFailed(f"{folder} has no {name}.", "Train or copy it again.")
    for tensor, entry in read_header(path).items():
        if not entry.dtype.startswith(("F", "BF")):
            raise ModelLoadFailed(f"{shown(tensor)} in {path} has whole numbers ({entry.dtype}).", "Save it again.")


def _names(folder: Path) -> list[Path]:
    try:
        os.listdir(folder)  # a glob doesn't say why it found nothing
        return files.listed(folder)
    except OSError as error:
        raise ModelLoadFailed(f"{folder} can't be read: {error.strerror}.", "Check its permissions.") from None


def _everything(folder: Path) -> Iterator[Path]:
    for at, folders, names in os.walk(folder):
        yield from (Path(at, name) for name in folders + names)


def _config(folder: Path) -> dict[str, Any]:
    if not os.path.lexists(folder / "config.json"):
        raise ModelLoadFailed(f"{folder} has no config.json, so it is not a model folder.")
    config = read_json(folder, "config.json")
    if not isinstance(config, dict) or not isinstance(config.get("model_type"), str):
        raise ModelLoadFailed(f"config.json in {folder} names no model_type.")
    return config


def read_json(folder: Path, name: str) -> Any:
    """The content of a JSON file of the folder."""
    _check_size(Path(folder, name))
    try:
        return json.loads(Path(folder, name).read_text(encoding="utf-8"))  # as mlx-lm and transformers read it
    except FileNotFoundError:
        raise ModelLoadFailed(f"{folder} has no {name}.", "Download or copy it again.") from None
    except (OSError, ValueError, RecursionError) as error:
        raise ModelLoadFailed(f"{name} in {folder} can't be read: {error}", "Download or copy it again.") from None


def _check_index(folder: Path, index: Path, tensors: dict[str, Any]) -> None:
    content = read_json(folder, index.name)
    weight_map = content.get("weight_map") if isinstance(content, dict) else None
    if not isinstance(weight_map, dict):
        raise ModelLoadFailed(f"{index.name} in {folder} has no weight_map.", "Download or copy the model again.")
    _check_names(folder, index.name, weight_map.values(), ".safetensors")
    again = "Download or copy the model again."
    if absent := sorted(set(weight_map.values()) - tensors.keys()):
        raise ModelLoadFailed(f"{folder} lacks {', '.join(absent[:3])}, which {index.name} names.", again)
    for name, file in weight_map.items():
        if name not in tensors[file]:
            raise ModelLoadFailed(f"{file} in {folder} lacks {shown(name)}, which {index.name} places there.", again)


def _check_names(folder: Path, where: str, names: Any, suffixes: str | tuple[str, ...]) -> None:
    """transformers takes paths to anywhere from these places, and reads what isn't safetensors as a pickle."""
    for name in names:
        if not isinstance(name, str) or Path(name).name != name or not name.endswith(suffixes):
            raise UnsafeModel(
                f"{where} in {folder} names weights that are not *.safetensors files in that folder: {shown(name)}.",
                "Use a complete copy of the model, with its *.safetensors files next to its config.json.",
            )


def _check_entries(folder: Path, paths: list[Path]) -> None:
    """Links may point within the folder, and from a snapshot of a hub cache into that model's own blobs."""
    real = folder.resolve()
    allowed = [real]
    if real.parent.name == "snapshots" and real.parent.parent.name.startswith("models--"):
        allowed.append(real.parent.parent / "blobs")
    for path in paths:
        if path.is_symlink() and not any(files.is_within(_target(path), root) for root in allowed):
            raise UnsafeModel(
                f"{path.relative_to(folder)} in {folder} is a link to a location outside the model folder.",
                "Replace the link with the file.",
            )
        if path.exists() and not path.is_file() and not path.is_dir():  # to open a pipe may take for ever
            raise UnsafeModel(f"{path.relative_to(folder)} in {folder} is neither a file nor a folder.", "Remove it.")


def _target(link: Path) -> Path:
    try:
        return link.resolve()
    except (OSError, RuntimeError) as error:  # a loop, before Python 3.13
        raise ModelLoadFailed(f"{link} is a broken link: {error}") from None


def check_links(folder: Path) -> None:
    """Refuses a folder, such as an adapter's, that is not there, has links out of it, or too large files."""
    folder = Path(folder)
    if not folder.is_dir():
        raise ModelNotFound(f"There is no folder at {folder}.", "Check the path.")
    _check_contents(folder)


def context_length(config: dict[str, Any]) -> int | None:
    """The model's context in tokens, or None where its config states none."""
    return _stated(config, _CONTEXT_NAMES)


def hidden_size(config: dict[str, Any]) -> int | None:
    """How many features a hidden state has, or None where the config doesn't state it."""
    return _stated(config, _WIDTHS)


def _stated(config: dict[str, Any], names: tuple[str, ...]) -> int | None:
    """The first of these counts that a config has, at its top or in its part about the text model."""
    text = config.get("text_config")
    for part in (config, text if isinstance(text, dict) else {}):
        for name in names:
            value = part.get(name)
            if type(value) is int and 0 < value < 2**31:
                return value
    return None
