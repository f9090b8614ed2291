"""Folders that are there whole, or not at all."""

import errno
import json
import os
import shutil
from contextlib import contextmanager
from pathlib import Path

from mlx4j_worker.errors import EngineFailed, InvalidRequest, WorkerError
from mlx4j_worker.weights import read_header

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextmanager
def new_folder(path):
    """A folder to write into; it has its name once the body is through and all of it is on the disk.

    After an error nothing is left. One that is killed leaves ``.NAME.unfinished``, which the next one removes.
    """
    path = Path(path).absolute()
    if path.exists() and not (path.is_dir() and not any(path.iterdir())):
        raise InvalidRequest(f"{path} exists already, and is not written over.", "Remove it, or name another folder.")
    unfinished = path.parent / f".{path.name}.unfinished"
    with writing(path):
        try:
            shutil.rmtree(unfinished, ignore_errors=True)
            unfinished.mkdir(parents=True)
            yield unfinished
            for file in unfinished.iterdir():
                if file.suffix == ".safetensors":
                    read_header(file)  # refuses one that isn't whole
                _sync(file)
            _sync(unfinished)
            os.rename(unfinished, path)
            _sync(path.parent)
        except BaseException:
            shutil.rmtree(unfinished, ignore_errors=True)
            raise


@contextmanager
def writing(path):
    """Turns what goes wrong when ``path`` is written into an error that says so."""
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
        raise EngineFailed(f"{what}: {text}.", f"{hint}; what was saved before is whole.") from error


def _free(path):
    """Bytes that are free on the disk of ``path``, or None where that can't be told."""
    folder = next((one for one in Path(path).parents if one.is_dir()), None)
    return shutil.disk_usage(folder).free if folder else None


def _sync(path):
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


_OF_WEIGHTS = (".safetensors", ".safetensors.index.json", ".bin", ".pt", ".pth", ".gguf")


def copy_author_files(source, folder, dtype):
    """Copies what a model folder has beside its weights; in config.json, the type of the weights becomes ``dtype``."""
    for file in Path(source).iterdir():
        if file.is_file() and not file.name.startswith(".") and not file.name.endswith((*_OF_WEIGHTS, ".py", ".md")):
            shutil.copyfile(file, folder / file.name)
    path = folder / "config.json"
    config = json.loads(path.read_bytes())
    config.update({name: dtype for name in ("dtype", "torch_dtype") if name in config})
    path.write_text(json.dumps(config, indent=2), encoding="utf-8")


def size(path):
    """The bytes of the files in a folder."""
    return sum(file.stat().st_size for file in Path(path).iterdir() if file.is_file())
