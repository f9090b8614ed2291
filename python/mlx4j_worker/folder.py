"""Checks a model folder before any library opens it: nothing in it may run code or point outside it."""

import json
from pathlib import Path

from mlx4j_worker.errors import ModelLoadFailed, ModelNotFound, UnsafeModel

_CONTEXT_NAMES = (
    "max_position_embeddings",
    "n_positions",
    "n_ctx",
    "max_seq_len",
    "seq_length",
    "model_max_length",
)
_PICKLES = {".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle"}


def check(folder):
    """The folder's config.json as a dict; raises a WorkerError that says what is wrong with the folder."""
    folder = Path(folder)
    if not folder.is_dir():
        raise ModelNotFound(f"There is no model folder at {folder}.", "Check the path, or name a model of the hub.")
    names = sorted(path for path in folder.iterdir())
    _check_links(folder, names)
    config = _config(folder)
    if config.get("model_file"):
        raise UnsafeModel(
            f"{folder} wants to run its own code: config.json has model_file {config['model_file']!r}.",
            "Use a model whose architecture the engine has.",
        )
    if not any(path.suffix == ".safetensors" for path in names):
        pickles = [path.name for path in names if path.suffix in _PICKLES]
        if pickles:
            raise UnsafeModel(
                f"{folder} has its weights as pickles only ({', '.join(pickles[:3])}), which can run code when read.",
                "Use a copy with *.safetensors, or convert it.",
            )
        raise ModelLoadFailed(f"{folder} has no weights (*.safetensors).", "Download or copy the model again.")
    return config


def _config(folder):
    try:
        config = json.loads((folder / "config.json").read_bytes())
    except FileNotFoundError:
        raise ModelLoadFailed(f"{folder} has no config.json, so it is not a model folder.") from None
    except (OSError, ValueError) as error:
        raise ModelLoadFailed(f"config.json in {folder} can't be read: {error}") from None
    if not isinstance(config, dict) or not isinstance(config.get("model_type"), str):
        raise ModelLoadFailed(f"config.json in {folder} names no model_type.")
    return config


def _check_links(folder, paths):
    """Links may point within the folder, and from a snapshot of a hub cache into that model's own blobs."""
    real = folder.resolve()
    allowed = [real]
    if real.parent.name == "snapshots" and real.parent.parent.name.startswith("models--"):
        allowed.append(real.parent.parent / "blobs")
    for path in paths:
        if path.is_symlink() and not any(_target(path).is_relative_to(root) for root in allowed):
            raise UnsafeModel(
                f"{path.name} in {folder} is a link to a place outside the model folder.",
                "Replace the link by the file.",
            )


def _target(link):
    try:
        return link.resolve()
    except (OSError, RuntimeError) as error:  # a loop, before Python 3.13
        raise ModelLoadFailed(f"{link} is a link that leads nowhere: {error}") from None


def context_length(config):
    """The model's context in tokens, or None where its config states none."""
    for part in (config, config.get("text_config") or {}):
        for name in _CONTEXT_NAMES:
            if isinstance(part.get(name), int) and part[name] > 0:
                return part[name]
    return None
