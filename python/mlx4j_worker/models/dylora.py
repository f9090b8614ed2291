"""Reads the folder of a DyLoRA-MoE: one base model, LoRA experts on it, and a router that picks the expert.

Its trainer has written four forms. In two, model.safetensors has all weights of the trainer's wrapper: those of the
base model, the experts and the router. In the others the base model is elsewhere, and the experts are in
``peft_adapters``, as pickles or as adapters of PEFT. The router is then in ``router.safetensors`` or, pickled, in
``dylo_moe_state``.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from reprlib import repr as shown
from typing import Any

from mlx4j_worker import files
from mlx4j_worker.errors import ModelLoadFailed
from mlx4j_worker.models import folder
from mlx4j_worker.models.safetensors import read_header

DEFAULTS = {"num_experts": 4, "lora_r": 16, "lora_alpha": 32, "lora_dropout": 0.05}  # as its trainer has them
PREFIX = r"^(foundation_model\.)?(base_model\.model\.)?"  # of the wrapper's names
ROUTER = "router.gate."
_STATE = "dylo_moe_state"
_ROUTER_FILE = "router.safetensors"
_EXPERT = re.compile(r"(.+\.lora_[AB])\.(expert_[0-9]{1,6})\.weight")


@dataclass(frozen=True)
class Part:
    """An expert or the router, and where its tensors are.

    ``storage`` is "weights" (among the wrapper's, in the folder ``path``), "safetensors" (in the file ``path``),
    "pickle" (in the file ``path``) or "peft" (in the folder ``path``, which has an adapter of PEFT).
    """

    name: str
    storage: str
    path: Path


@dataclass(frozen=True)
class DyLora:
    """The parts, and the metadata with the names of DEFAULTS.

    ``own_weights`` is whether the base model's weights are in the folder, and ``own_config`` its config.json where that
    is the base model's, else None; ``experts`` is in the router's order.
    """

    folder: Path
    metadata: dict
    base: str | None
    own_weights: bool
    own_config: dict | None
    experts: dict[str, Part]
    router: Part | None
    warnings: tuple[str, ...] = ()


def is_dylora(path: Path) -> bool:
    """Whether a folder, whose links are checked, has a DyLoRA-MoE.

    Its config.json says so, or else there is a ``dylo_moe_state``. A plain model may have one beside it by chance.
    """
    path, config = Path(path), _config(path)
    if _is_marked(config):
        return True
    if _state(path) is None:
        return False
    plain = isinstance(config.get("model_type"), str) and not (path / "peft_adapters").is_dir()
    return not plain or any(place(name)[0] for name in _names(path))


def read(path: Path) -> DyLora:
    """The parts of a DyLoRA-MoE."""
    path, config = Path(path), _config(path)
    stated = {name: _stated(path, config, name) for name in DEFAULTS}
    names = _names(path)
    experts = _experts(path, names)
    merged = names and not any(place(name)[0] for name in names)  # by the trainer: the experts are in the weights
    if len(experts) < (stated["num_experts"] or 1) and (not merged or config.get("_dylora_format") == "peft_separated"):
        raise ModelLoadFailed(
            f"{path} should have {stated['num_experts'] or 'some'} experts, but {len(experts)} are there"
            f"{': ' + ', '.join(experts) if experts else ''}.",
            "Copy it again. A download from the hub leaves pickles (expert_0.pt) out.",
        )
    warnings: tuple[str, ...] = ()
    if merged and stated["num_experts"]:
        warnings = (
            f"{path} states {stated['num_experts']:g} experts, but has none: it is taken as merged into one model.",
        )
    if stated["lora_alpha"] is None and any(expert.storage != "peft" for expert in experts.values()):
        warnings = (f"{path} states no lora_alpha; {DEFAULTS['lora_alpha']} is taken.",)
    base = config.get("base_model_name_or_path")
    return DyLora(
        path,
        {name: DEFAULTS[name] if value is None else value for name, value in stated.items()},
        base if isinstance(base, str) and base else None,
        bool(names),
        config if _is_of_base(config) else None,
        experts,
        _router(path, names),
        warnings,
    )


def place(name: str) -> tuple[str | None, str]:
    """Where a tensor of the wrapper belongs: (the expert or "router" or None for the base model, its name there)."""
    if name.startswith(ROUTER):
        return "router", name.removeprefix(ROUTER)
    name = re.sub(PREFIX, "", name)
    if found := _EXPERT.fullmatch(name):
        return found[2], f"{found[1]}.weight"
    return None, name.replace(".base_layer.", ".")


def _config(path: Path) -> dict[str, Any]:
    try:
        config = folder.read_json(path, "config.json")
    except ModelLoadFailed:
        return {}
    return config if isinstance(config, dict) else {}


def _is_of_base(config: dict[str, Any]) -> bool:
    kind = config.get("model_type")
    return isinstance(kind, str) and "dylora" not in kind.lower()


def _is_marked(config: dict[str, Any]) -> bool:
    return "dylora" in str(config.get("model_type")).lower() or any(name.startswith("_dylora_") for name in config)


def _state(path: Path) -> Path | None:
    """The folder of the training's state: within, or beside the model's."""
    return next((at / _STATE for at in (path, path.resolve().parent) if (at / _STATE).is_dir()), None)


def _names(path: Path) -> list[str]:
    """The names of the tensors in the folder's own weights."""
    weights = (file for file in files.listed(path, "*.safetensors") if file.name != _ROUTER_FILE)
    return [name for file in weights for name in read_header(file)]


def _stated(path: Path, config: dict[str, Any], name: str) -> int | None:
    """A number of the metadata, or None. Without a prefix it may be the base model's, of another meaning."""
    places = (config.get(f"_dylora_{name}"), None if _is_of_base(config) else config.get(name))
    value = next((value for value in (*places, _config(path / _STATE).get(name)) if value is not None), None)
    if value is not None and (type(value) not in (int, float) or value < 0):
        raise ModelLoadFailed(f"{name} in {path} is {shown(value)}, but must be a number.", "Copy it again.")
    return value


def _experts(path: Path, names: list[str]) -> dict[str, Part]:
    owners = {owner for name in names if (owner := place(name)[0]) not in (None, "router")}
    found = {owner: Part(owner, "weights", path) for owner in owners if owner}
    adapters = path / "peft_adapters"
    for entry in files.listed(adapters) if not found and adapters.is_dir() else ():
        if entry.is_dir() and re.fullmatch(r"expert_[0-9]{1,6}", entry.name):
            nested = entry / entry.name  # where PEFT saves an adapter that has a name
            found[entry.name] = Part(entry.name, "peft", nested if nested.is_dir() else entry)
        elif re.fullmatch(r"expert_[0-9]{1,6}\.pt", entry.name):
            found.setdefault(entry.stem, Part(entry.stem, "pickle", entry))
    return dict(sorted(found.items(), key=lambda item: int(item[0].removeprefix("expert_"))))


def _router(path: Path, names: list[str]) -> Part | None:
    if any(name.startswith(ROUTER) for name in names):
        return Part("router", "weights", path)
    if (path / _ROUTER_FILE).is_file():
        return Part("router", "safetensors", path / _ROUTER_FILE)
    for at in (path, _state(path)):
        if at and (at / "router.pt").is_file():
            folder.check_links(at)
            return Part("router", "pickle", at / "router.pt")
    return None
