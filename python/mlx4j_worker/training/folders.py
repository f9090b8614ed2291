"""Writes folders atomically, and copies a model's other files into them."""

import errno
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mlx4j_worker import files
from mlx4j_worker.errors import EngineFailed, InvalidRequest, WorkerError
from mlx4j_worker.models.folder import read_json
from mlx4j_worker.models.safetensors import read_header

OF_THE_TOKENIZER: tuple[str, ...] = (
    "tokenizer*",
    "vocab*",
    "merges.txt",
    "special_tokens_map.json",
    "added_tokens.json",
)
OF_THE_TOKENIZER += ("chat_template*", "additional_chat_templates/*", "*.model", "*.tiktoken", "tekken.json")
OF_THE_AUTHOR: tuple[str, ...] = ("generation_config.json", "LICENSE*", "NOTICE*")
OF_THE_AUTHOR += ("modules.json", "config_sentence_transformers.json", "sentence_*_config.json")  # for embeddings
OF_THE_AUTHOR += ("[0-9]*_*/config.json", "[0-9]*_*/model.safetensors")
NOT_WRITTEN = ("auto_map", "transformers_weights")  # of a config.json: they name files that are not copied
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextmanager
def new_folder(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A folder to write into; it has its name once the body is through and all of it is on the disk.

    After an error nothing is left. One that is killed leaves ``.NAME.unfinished``, which the next one removes.
    """
    path = Path(path).absolute()
    if path.exists() and not (path.is_dir() and files.is_empty(path)):
        raise InvalidRequest(f"{path} already exists and is not overwritten.", "Remove it, or name another folder.")
    check_outside(path)
    unfinished = path.parent / f".{path.name}.unfinished"
    with report_write_errors(path):
        try:
            shutil.rmtree(unfinished, ignore_errors=True)
            unfinished.mkdir(parents=True)
            yield unfinished
            for file in files.listed(unfinished, "*.safetensors"):
                read_header(file)  # refuses one that isn't whole
            files.replace_durably(unfinished, path)
        except BaseException:
            shutil.rmtree(unfinished, ignore_errors=True)
            raise


@contextmanager
def report_write_errors(path: str | os.PathLike[str]) -> Iterator[None]:
    """Converts errors while writing ``path`` into a WorkerError that names it."""
    try:
        yield
    except WorkerError:
        raise
    except Exception as error:  # OSError, and what the engines' own code raises
        number = getattr(error, "errno", None)
        text = getattr(error, "strerror", None) or f"{type(error).__name__}: {error}"
        full = number in _FULL or "No space" in str(error) or _free(path) == 0
        what = f"There is no space left to write {path}" if full else f"{path} can't be written"
        hint = "Make room on the disk" if full else "Check its folder and the disk"
        raise EngineFailed(f"{what}: {text}.", f"{hint}; earlier results are intact.") from error


def _free(path: str | os.PathLike[str]) -> int | None:
    """Free bytes on the disk of ``path``, or None if unknown."""
    folder = next((one for one in Path(path).parents if one.is_dir()), None)
    return shutil.disk_usage(folder).free if folder else None


def check_outside(path: str | os.PathLike[str]) -> None:
    """Refuses a path inside a model folder, even through a link."""
    if inside := next((parent for parent in Path(os.path.realpath(path)).parents if _is_model(parent)), None):
        raise InvalidRequest(f"{path} is in the model folder {inside}.", "Name a folder elsewhere.")


def _is_model(path: str | os.PathLike[str]) -> bool:
    configs = any(Path(path, name).is_file() for name in ("config.json", "adapter_config.json"))
    return configs and bool(files.listed(path, "*.safetensors"))


def copy_files(source: Path, folder: Path, patterns: tuple[str, ...]) -> None:
    """Copies the files of a model folder with names like these."""
    for pattern in patterns:
        for path in files.listed(source, pattern):
            if path.is_file():
                copy = folder / path.relative_to(source)
                copy.parent.mkdir(exist_ok=True)
                shutil.copyfile(path, copy)


def copy_beside_weights(source: Path, folder: Path, dtype: Any) -> None:
    """Copies the tokenizer, the author's defaults, and config.json, in which the type of the weights is ``dtype``."""
    copy_files(source, folder, OF_THE_TOKENIZER + OF_THE_AUTHOR)
    config = read_json(source, "config.json")
    config.update({name: dtype for name in ("dtype", "torch_dtype") if name in config})
    kept = {name: value for name, value in config.items() if name not in NOT_WRITTEN}
    (folder / "config.json").write_text(json.dumps(kept, indent=2), encoding="utf-8")


def size(path: str | os.PathLike[str]) -> int:
    """Total size of the files in a folder, in bytes."""
    return sum(file.stat().st_size for file in files.listed(path, "**/*") if file.is_file())
