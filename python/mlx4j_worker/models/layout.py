"""Determines what a folder is (a model, an adapter, or a DyLoRA-MoE) and what loading it requires."""

import os
from dataclasses import dataclass
from pathlib import Path
from reprlib import repr as shown
from typing import Any

from mlx4j_worker import files
from mlx4j_worker.call import Progress
from mlx4j_worker.errors import InvalidRequest, ModelLoadFailed, ModelNotFound
from mlx4j_worker.models import dylora, folder, source
from mlx4j_worker.models.dylora import DyLora
from mlx4j_worker.requests.options import Options

_VOCABULARIES: tuple[str, ...] = (
    "tokenizer.json",
    "tokenizer.model",
    "vocab.json",
    "vocab.txt",
    "spiece.model",
    "sentencepiece.model",
)
_VOCABULARIES += ("sentencepiece.bpe.model", "tekken.json")


@dataclass(frozen=True)
class Adapter:
    """A LoRA adapter. ``format`` is "peft" or "mlx", ``config`` its adapter_config.json."""

    folder: Path
    format: str
    config: dict

    @property
    def base(self) -> str | None:
        """The base model that it names, or None."""
        name = self.config.get("base_model_name_or_path" if self.format == "peft" else "model")
        return name if isinstance(name, str) and name else None


@dataclass(frozen=True)
class Layout:
    """The parts of a model.

    ``format`` is "model", "peftAdapter", "mlxAdapter" or "dylora"; ``weights`` the folder of the base model's weights,
    ``config`` its config.json; ``base`` how the base model is named, None where the folder is a model of its own.
    """

    format: str
    weights: Path
    config: dict
    tokenizer: Path
    base: str | None = None
    adapter: Adapter | None = None
    warnings: tuple[str, ...] = ()
    dylora: DyLora | None = None
    config_folder: Path | None = None

    @property
    def author(self) -> Path:
        """The folder with the config.json and generation_config.json of the base model's author."""
        return self.config_folder or self.weights


def read(params: dict[str, Any], options: Options, progress: Progress, room: int | None = None) -> Layout:
    """The layout of the folder or hub id in the params of ``initialize``.

    ``room`` is how many bytes the weights may take, None if that isn't known: what is larger isn't downloaded.
    """
    model, download = params["model"], source.Download.of(params, room)
    path = source.resolve(model["source"], model.get("revision"), download, progress)
    found = _read(path, model["source"], options, download, progress)
    _check_expert(found, path, options)
    if tokenizer_of(found.tokenizer, None) is None:  # transformers would make an empty one
        raise ModelLoadFailed(
            f"{found.tokenizer} has no tokenizer ({', '.join(_VOCABULARIES[:3])} …).", "Download or copy it again."
        )
    return found


def _read(path: Path, named: str, options: Options, download: Any, progress: Progress) -> Layout:
    if is_adapter(path):
        _refuse_adapter(path, "an adapter itself", options)
        return _of_adapter(path, options, download, progress)
    folder.check_links(path)
    if dylora.is_dylora(path):
        _refuse_adapter(path, "a DyLoRA-MoE, which has adapters of its own", options)
        return _of_dylora(path, options, download, progress)
    if options.base:
        raise InvalidRequest(f"{path} is a complete model, so options.base can't be used.", "Leave it out.")
    given = adapter(Path(options.adapter)) if options.adapter else None
    config = folder.check(path)
    warnings = _other_base(given, path, named) if given else ()
    return Layout("model", path, config, path, adapter=given, warnings=warnings)


def is_adapter(path: Path) -> bool:
    """Whether a folder is an adapter. One with weights of a whole model beside it is not: something was left over."""
    if not (Path(path) / "adapter_config.json").is_file():
        return False
    if files.listed(path, "model*.safetensors") and not files.listed(path, "adapter*.safetensors"):
        raise ModelLoadFailed(
            f"{path} has the weights of a whole model, and an adapter_config.json without an adapter's weights.",
            "Remove adapter_config.json if the adapter was merged into the model.",
        )
    return True


def adapter(path: Path) -> Adapter:
    """The adapter in a folder, by PEFT or by mlx-lm."""
    folder.check_links(path)
    if not os.path.lexists(Path(path, "adapter_config.json")):
        inner = Path(path, "adapter")
        raise ModelLoadFailed(
            f"{path} has no adapter_config.json, so it is not the folder of an adapter.",
            f"Name its subfolder {inner}."
            if (inner / "adapter_config.json").is_file()
            else "Name an adapter's folder.",
        )
    config = folder.read_json(path, "adapter_config.json")
    if isinstance(config, dict) and "peft_type" in config:
        folder.check_weights_file(path, "adapter_model.safetensors")
        return Adapter(Path(path), "peft", config)
    if isinstance(config, dict) and "num_layers" in config:
        folder.check_weights_file(path, "adapters.safetensors")
        return Adapter(Path(path), "mlx", config)
    raise ModelLoadFailed(
        f"{path} is neither a PEFT nor an mlx-lm adapter: its adapter_config.json has neither peft_type "
        "nor num_layers.",
        "Train it with one of them, or copy it again.",
    )


def base_model(
    named: str | None, path: Path, options: Options, download: Any, progress: Progress, revision: str | None = None
) -> tuple[Path, dict[str, Any]]:
    """The folder and config of the base model that the folder ``path`` names, at its ``revision`` on the hub."""
    name = options.base or named
    if not name:
        raise ModelLoadFailed(f"{path} names no base model.", "Name it in options.base.")
    where = _folder_of_base(name, path, options, None if options.base else revision, download, progress)
    folder.check_links(where)
    if is_adapter(where) or dylora.is_dylora(where):
        raise ModelLoadFailed(
            f"The base model of {path} is {shown(name)}, but that is an adapter itself.",
            "Name a model with weights of its own in options.base.",
        )
    return where, folder.check(where)


def _folder_of_base(
    name: str, path: Path, options: Options, revision: str | None, download: Any, progress: Progress
) -> Path:
    if not options.base and not Path(name).is_absolute() and os.path.isdir(Path(path) / name):
        return Path(path) / name
    try:
        return source.resolve(name, revision, download, progress)
    except ModelNotFound as error:
        raise ModelNotFound(
            f"The base model of {path}: {error}", f"{error.hint} Or name another in options.base."
        ) from None


def tokenizer_of(path: Path, base: Path | None) -> Any:
    """The folder that has the tokenizer's vocabulary: ``path``, else that of the base model."""
    there = any((Path(path) / name).is_file() for name in _VOCABULARIES) or bool(files.listed(path, "*.tiktoken"))
    return Path(path) if there else base


def _of_adapter(path: Path, options: Options, download: Any, progress: Progress) -> Layout:
    found = adapter(path)
    revision = found.config.get("revision")
    revision = revision if found.format == "peft" and isinstance(revision, str) else None
    base, config = base_model(found.base, path, options, download, progress, revision)
    return Layout(f"{found.format}Adapter", base, config, tokenizer_of(path, base), options.base or found.base, found)


def _of_dylora(path: Path, options: Options, download: Any, progress: Progress) -> Layout:
    found = dylora.read(path)
    named, tokenizer = options.base or found.base, tokenizer_of(path, None)
    if found.own_weights and found.own_config:
        folder.check(path)
        if tokenizer and options.base:
            raise InvalidRequest(f"{path} needs no base model, so options.base can't be used.", "Leave it out.")
        tokenizer = tokenizer or base_model(found.base, path, options, download, progress)[0]
        return Layout("dylora", path, found.own_config, tokenizer, named, warnings=found.warnings, dylora=found)
    base, config = base_model(found.base, path, options, download, progress)
    if found.own_weights:
        folder.check_weights(path)
    weights, tokenizer = path if found.own_weights else base, tokenizer or base
    return Layout("dylora", weights, config, tokenizer, named, None, found.warnings, found, base)


def _refuse_adapter(path: Path, what: str, options: Options) -> None:
    if options.adapter:
        raise InvalidRequest(
            f"{path} is {what}, so options.adapter can't be used as well.",
            "Name the base model as the model, and one adapter.",
        )


def _check_expert(found: Layout, path: Path, options: Options) -> None:
    names = list(found.dylora.experts) if found.dylora else []
    if options.expert is not None and options.expert not in names:
        raise InvalidRequest(
            f"{path} has no expert {shown(options.expert)}.",
            f"It has {', '.join(names)}." if names else "It has no experts at all. Leave options.expert out.",
        )


def _other_base(given: Adapter, path: Path, named: str) -> tuple[str, ...]:
    """A warning where an adapter names another model; the same one may have other names, so it is no more than that."""
    names = {Path(name).name.lower() for name in (named, Path(path).resolve())}
    if given.base and Path(given.base).name.lower() not in names and not files.same(given.base, path):
        return (f"The adapter {given.folder} was made for {given.base}, and is used on {path}.",)
    return ()
