"""From a model's name to its folder: a local path, the hub's cache, or a download."""

import json
import os
import time
from pathlib import Path
from reprlib import repr as shown

from mlx4j_worker.errors import ModelLoadFailed, ModelNotFound

# What a model folder needs; never pickles, never code.
_WANTED = ["*.json", "*.safetensors", "tokenizer.model", "*.tiktoken", "*.txt", "*.jsonl", "*.jinja"]


def resolve(source, revision, download, progress):
    """The local folder of ``source``, a path or a hub id ``org/name``.

    ``progress(phase, done, total, unit)`` is told of a download. Without ``download`` only the cache is asked.
    """
    if os.path.isdir(source):
        return Path(source)
    if source.startswith(("/", ".", "~")) or source.count("/") != 1:
        raise ModelNotFound(
            f"There is no model folder at {source}.", "Check the path. A model of the hub is named org/name."
        )
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        cached = Path(snapshot_download(source, revision=revision, allow_patterns=_WANTED, local_files_only=True))
        if not download or _is_whole(cached):
            return cached
    except HFValidationError as error:
        raise ModelNotFound(f"There is no model {shown(source)}: {error}", "Check the name.") from None
    except LocalEntryNotFoundError:
        if not download:
            raise ModelNotFound(
                f"{source} is not in the hub's cache, and MLX4J_DOWNLOAD=never forbids a download.",
                f"Fetch it with `hf download {source}`, or set MLX4J_DOWNLOAD=auto.",
            ) from None
    progress("download", 0, 0, "bytes")
    try:
        tqdm = _progress_bar(progress)
        return Path(snapshot_download(source, revision=revision, allow_patterns=_WANTED, tqdm_class=tqdm))
    except HfHubHTTPError as error:
        raise ModelNotFound(
            f"The hub refused {source}: {error}", "Check the name, and whether it needs a login."
        ) from None
    except (LocalEntryNotFoundError, OSError) as error:
        raise ModelLoadFailed(f"{source} could not be downloaded: {error}", "Check the network and the disk.") from None


def _is_whole(snapshot):
    """Whether a snapshot in the cache has all weights that its index names: other programs may have left less."""
    try:
        indexes = [json.loads(path.read_bytes()) for path in snapshot.glob("*.safetensors.index.json")]
        named = {file for index in indexes for file in index["weight_map"].values()}
        return any(snapshot.glob("*.safetensors")) and all((snapshot / file).is_file() for file in named)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def _progress_bar(progress):
    from tqdm.auto import tqdm

    class ProgressBar(tqdm):
        """A tqdm that prints nothing and reports bytes at most five times a second."""

        def __init__(self, *args, **kwargs):
            kwargs.pop("name", None)
            super().__init__(*args, **{**kwargs, "disable": False, "gui": True})
            self._told = 0.0

        def display(self, *args, **kwargs):
            pass

        def update(self, n=1):
            super().update(n)
            now = time.monotonic()
            if self.unit == "B" and now - self._told > 0.2:
                self._told = now
                progress("download", int(self.n), int(self.total or 0), "bytes")

    return ProgressBar
