"""Finds the prefix that all tensor names of a file or folder share if a wrapper around the model was saved.

For example ``module.model.norm.weight``, as torch's DataParallel names it, or ``net.0.weight``.
"""

from collections.abc import Iterable
from pathlib import Path

from mlx4j_worker.errors import ModelLoadFailed
from mlx4j_worker.models import folder

WRAPPERS = (
    "module.",  # DataParallel, DistributedDataParallel, DeepSpeed
    "_orig_mod.",  # torch.compile
    "_forward_module.",  # Lightning Fabric
    "base_model.model.",  # PEFT
)


def of_model(path: Path) -> str:
    """The prefix that wrappers put before all tensor names of a model folder; "" if there is none.

    Raises ModelLoadFailed if only some names have it, or if names have the prefixes of different wrappers.
    """
    return _of_wrappers(folder.tensor_names(path), path)


def _of_wrappers(names: list[str], where: Path) -> str:
    prefix = ""
    while True:
        rest = [name.removeprefix(prefix) for name in names]
        found = {_wrapper(name): prefix + name for name in rest}
        if [*found] == [""] or not found:
            return prefix
        _check_one(found, where)
        prefix += next(iter(found))


def _wrapper(name: str) -> str:
    return next((wrapper for wrapper in WRAPPERS if name.startswith(wrapper)), "")


def of_known(names: Iterable[str], wanted: Iterable[str], where: Path) -> str:
    """The prefix, which ends with a dot or is "", that ``names`` put before the ``wanted`` names.

    Raises ModelLoadFailed if there is more than one. Names that are none of the wanted ones are passed over.
    """
    wanted = [*wanted]
    found = {
        name.removesuffix(one): name for name in names for one in wanted if name == one or name.endswith(f".{one}")
    }
    _check_one(found, where)
    return next(iter(found), "")


def _check_one(found: dict[str, str], where: Path) -> None:
    """``found`` has each prefix and one of the names with it."""
    if len(found) > 1:
        prefixes = " and ".join(
            f"{prefix!r} ({name})" if prefix else f"none ({name})" for prefix, name in found.items()
        )
        raise ModelLoadFailed(
            f"The tensors in {where} don't share one prefix: there are {prefixes}.",
            "Save the state dict of the model itself, without its wrapper.",
        )
