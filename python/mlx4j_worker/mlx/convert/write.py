"""Writes a model folder for mlx-lm and the workers atomically."""

import fcntl
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import mlx.core as mx
from mlx_lm.utils import get_total_parameters, make_shards, save_config

from mlx4j_worker import files
from mlx4j_worker.errors import ConversionFailed, InvalidRequest
from mlx4j_worker.memory import format_bytes
from mlx4j_worker.models.layout import Layout
from mlx4j_worker.sandbox import rename_helper
from mlx4j_worker.training import folders


@contextmanager
def atomic_folder(target: Path) -> Iterator[Path]:
    """A folder beside ``target`` to write into: it becomes ``target`` where the block ends well, and else is removed.

    One that a killed process left is taken over; while a process has it, no other can.
    """
    _check_absent(target)
    if not target.parent.is_dir():
        raise InvalidRequest(f"There is no folder {target.parent} to write {target.name} into.", "Create it first.")
    folders.check_outside(target)
    part = rename_helper.unfinished(target)
    lock = _locked(part, target)
    try:
        with _refusing(target):
            files.clear(part)
            yield part
            _check_absent(target)
            files.replace_durably(part, target, rename_helper.rename)
    except BaseException:
        rename_helper.remove(part)
        raise
    finally:
        os.close(lock)


def check_disk_space(folder: Path, needed: int) -> None:
    """Refuses to write more than fits on the disk; ``needed`` is in bytes."""
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise ConversionFailed(
            f"The converted model takes {format_bytes(needed)}, but {folder.parent} has room for {format_bytes(free)}.",
            "Make room, name a folder on another disk, or choose fewer bits.",
        )


def write_weights(folder: Path, model: Any, parameters: dict[str, mx.array], step: Callable[..., Any]) -> None:
    """Writes {name: array} as safetensors of 5 GB at most, but for single tensors that are larger, and an index."""
    shards = make_shards(parameters)
    total, done = sum(array.nbytes for array in parameters.values()), 0
    placed: dict[str, str] = {}
    for number, shard in enumerate(shards, 1):
        step("write", done, total, "bytes")
        name = f"model-{number:05d}-of-{len(shards):05d}.safetensors" if len(shards) > 1 else "model.safetensors"
        try:
            mx.save_safetensors(str(folder / name), shard, metadata={"format": "mlx"})
        except RuntimeError as error:
            raise OSError(f"{name}: {error}") from None
        placed |= dict.fromkeys(shard, name)
        done += sum(array.nbytes for array in shard.values())
    index = {"metadata": {"total_size": total, "total_parameters": get_total_parameters(model)}}
    index["weight_map"] = dict(sorted(placed.items()))
    (folder / "model.safetensors.index.json").write_text(json.dumps(index, indent=4))


def check_weights(folder: Path, parameters: dict[str, mx.array], step: Callable[..., Any]) -> None:
    """Raises ConversionFailed unless the files have exactly these arrays; one tensor at a time is read."""
    stored_in, left = files.listed(folder, "model*.safetensors"), dict(parameters)
    for done, file in enumerate(stored_in):
        stored = mx.load(str(file))
        for name in list(stored):
            step("read", done, len(stored_in), "files")
            array, meant = stored.pop(name), left.pop(name, None)
            if meant is None or array.dtype != meant.dtype or not _equal(array, meant):
                raise ConversionFailed(f"{name} differs from what was written to {file.name}.", "Check the disk.")
    if left:
        raise ConversionFailed(f"{sorted(left)[0]} was not written.", "Check the disk.")


def write_config(folder: Path, config: dict[str, Any]) -> None:
    """Writes config.json as mlx-lm does."""
    kept = {name: value for name, value in config.items() if name not in folders.NOT_WRITTEN}
    save_config(kept, folder / "config.json", keep_vision_config=False)


def copy_files(layout: Layout, folder: Path) -> None:
    """Copies what is not weights or config: the tokenizer's files with its chat template, and the author's defaults."""
    folders.copy_files(layout.tokenizer, folder, folders.OF_THE_TOKENIZER)
    folders.copy_files(layout.author, folder, folders.OF_THE_AUTHOR)


def _equal(one: mx.array, other: mx.array) -> bool:
    if mx.issubdtype(one.dtype, mx.floating):
        return mx.array_equal(one, other, equal_nan=True).item()
    return mx.array_equal(one, other).item()


def _check_absent(target: Path) -> None:
    if os.path.lexists(target):
        raise InvalidRequest(f"{target} already exists and is not overwritten.", "Name another folder.")


def _locked(part: Path, target: Path) -> int:
    """A descriptor of the folder ``part``, made on need, that locks it until it is closed."""
    try:
        part.mkdir(exist_ok=True)
        lock = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError as error:
        raise ConversionFailed(f"{part} can't be written: {error.strerror}.", "Name another folder.") from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with suppress(FileNotFoundError):
            if os.path.samestat(os.stat(part), os.fstat(lock)):
                return lock
    except BlockingIOError:
        pass
    os.close(lock)
    raise InvalidRequest(f"Another conversion is writing {target}.", "Wait for it, or name another folder.")


@contextmanager
def _refusing(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ConversionFailed(
            f"{target} could not be written: {error}.", "Check the disk and its permissions."
        ) from error
