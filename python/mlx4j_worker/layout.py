"""What a folder is: a model, an adapter with a base model elsewhere, or a DyLoRA-MoE; and what it takes to load it."""

from dataclasses import dataclass
from pathlib import Path
from reprlib import repr as shown

from mlx4j_worker import folder, source
from mlx4j_worker.errors import InvalidRequest, ModelLoadFailed

_TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "tokenizer.model", "vocab.json")


@dataclass(frozen=True)
class Adapter:
    """A LoRA adapter. ``format`` is "peft" or "mlx", ``config`` its adapter_config.json."""

    folder: Path
    format: str
    config: dict

    @property
    def base(self):
        """The base model that it names, or None."""
        name = self.config.get("base_model_name_or_path" if self.format == "peft" else "model")
        return name if isinstance(name, str) and name else None


@dataclass(frozen=True)
class Layout:
    """The parts of a model.

    ``format`` is "model", "peftAdapter" or "mlxAdapter"; ``weights`` the folder of the base model's config and weights,
    ``config`` its config.json; ``base`` how the base model is named, None where the folder is a model of its own.
    """

    format: str
    weights: Path
    config: dict
    tokenizer: Path
    base: str | None = None
    adapter: Adapter | None = None
    warnings: tuple[str, ...] = ()


def read(params, options, progress):
    """The layout of the folder or hub id in the params of ``initialize``."""
    model, download = params["model"], params.get("download", False)
    path = source.resolve(model["source"], model.get("revision"), download, progress)
    given = adapter(Path(options.adapter)) if options.adapter else None
    if is_adapter(path):
        if given:
            raise InvalidRequest(
                f"{path} is an adapter itself, so options.adapter can't be given too.",
                "Name the base model as the model, and one adapter.",
            )
        return _of_adapter(path, options, download, progress)
    if options.base:
        raise InvalidRequest(f"{path} is a model of its own, so options.base can't be honoured.", "Leave it out.")
    config = folder.check(path)
    warnings = _other_base(given, path) if given else ()
    return Layout("model", path, config, path, adapter=given, warnings=warnings)


def is_adapter(path):
    """Whether a folder is an adapter without a base model in it."""
    return (Path(path) / "adapter_config.json").is_file()


def adapter(path):
    """The adapter in a folder, by PEFT or by mlx-lm."""
    folder.check_links(path)
    config = folder.read_json(path, "adapter_config.json")
    if isinstance(config, dict) and "peft_type" in config:
        folder.check_weights_file(path, "adapter_model.safetensors")
        return Adapter(Path(path), "peft", config)
    if isinstance(config, dict) and "num_layers" in config:
        folder.check_weights_file(path, "adapters.safetensors")
        return Adapter(Path(path), "mlx", config)
    raise ModelLoadFailed(
        f"{path} is no adapter of PEFT or mlx-lm: its adapter_config.json has neither peft_type nor num_layers.",
        "Train it with one of them, or copy it again.",
    )


def base_model(named, path, options, download, progress):
    """The folder and config of the base model that the folder ``path`` names."""
    name = options.base or named
    if not name:
        raise ModelLoadFailed(f"{path} names no base model.", "Name it in options.base.")
    beside = Path(path) / name
    where = (
        beside if not Path(name).is_absolute() and beside.is_dir() else source.resolve(name, None, download, progress)
    )
    if is_adapter(where):
        raise ModelLoadFailed(
            f"The base model of {path} is {shown(name)}, but that is an adapter itself.",
            "Name a model with weights of its own in options.base.",
        )
    return where, folder.check(where)


def tokenizer_of(path, base):
    """The folder that has the tokenizer: ``path``, else that of the base model."""
    return Path(path) if any((Path(path) / name).is_file() for name in _TOKENIZER_FILES) else base


def _of_adapter(path, options, download, progress):
    found = adapter(path)
    base, config = base_model(found.base, path, options, download, progress)
    return Layout(f"{found.format}Adapter", base, config, tokenizer_of(path, base), options.base or found.base, found)


def _other_base(given, path):
    """A warning where an adapter names another model; the same one may have other names, so it is no more than that."""
    if given.base and Path(given.base).name.lower() != Path(path).resolve().name.lower():
        return (f"The adapter {given.folder} was made for {given.base}, and is used on {path}.",)
    return ()
