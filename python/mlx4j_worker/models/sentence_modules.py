"""Reads ``modules.json``: the modules of a sentence-transformers model, in the order in which they run."""

from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from reprlib import repr as shown
from typing import Any

from mlx4j_worker.errors import NotSupported, UnsafeModel
from mlx4j_worker.models import folder as folders

FILE = "modules.json"
MAX_MODULES = 16
_MAX_PATH = 100  # characters
_OWN = "sentence_transformers."


@dataclass(frozen=True)
class Module:
    """One module: the full name of its class as written, and its folder's path relative to the model's."""

    type: str
    path: str

    @property
    def name(self) -> str:
        """The class name without its package; a class that is not sentence-transformers' keeps its full name."""
        return self.type.rpartition(".")[2] if self.type.startswith(_OWN) else self.type


def read(folder: Path) -> list[Module]:
    """The modules of a model folder, empty without modules.json.

    Raises NotSupported where the list is malformed or too long, UnsafeModel where a path leads out of the folder, and
    ModelLoadFailed where the file can't be read.
    """
    if not (folder / FILE).is_file():
        return []
    listed = folders.read_json(folder, FILE)
    if not isinstance(listed, list) or not 1 <= len(listed) <= MAX_MODULES:
        raise NotSupported(f"{FILE} in {folder} must list 1 to {MAX_MODULES} modules.", _AGAIN)
    return [_module(folder, entry) for entry in listed]


def settings(folder: Path, name: str) -> dict[str, Any]:
    """The object in a JSON file of the folder; empty where there is no such file."""
    if not (folder / name).is_file():
        return {}
    given = folders.read_json(folder, name)
    if not isinstance(given, dict):
        raise NotSupported(f"{name} in {folder} is not a JSON object.", _AGAIN)
    return given


_AGAIN = "Download or copy the model again."


def _module(folder: Path, entry: dict[str, Any]) -> Module:
    kind, path = (entry.get("type"), entry.get("path")) if isinstance(entry, dict) else (None, None)
    if not isinstance(kind, str) or not isinstance(path, str):
        raise NotSupported(f"{FILE} in {folder} has a module without type and path: {shown(entry)}.", _AGAIN)
    outside = path.startswith("/") or ".." in PurePosixPath(path).parts or "\\" in path
    if outside or not path.isprintable() or len(path) > _MAX_PATH:
        raise UnsafeModel(f"{FILE} in {folder} names a place outside of it: {shown(path)}.")
    return Module(kind, path)
