"""From a model's name to its folder: a local path, the hub's cache, or a download."""

import os
from dataclasses import dataclass
from pathlib import Path
from reprlib import repr as shown

from mlx4j_worker import files, hub
from mlx4j_worker.errors import ModelLoadFailed, ModelNotFound
from mlx4j_worker.folder import read_json
from mlx4j_worker.requests import token_of


@dataclass(frozen=True)
class Download:
    """That a download is allowed. ``token`` is the user's of the hub, ``room`` bytes that weights may take, or None."""

    token: str | None = None
    room: int | None = None

    @classmethod
    def of(cls, params, room):
        """What the params of ``initialize`` allow: a Download, or None."""
        return cls(token_of(params), room) if params.get("download", False) else None


def resolve(source, revision, download, progress):
    """The local folder of ``source``, a path or a hub id ``org/name``.

    ``progress(phase, done, total, unit)`` is told of a download. Where ``download`` is None only the cache is asked.
    """
    if os.path.isdir(source):
        return Path(source)
    if source.startswith(("/", ".", "~")) or source.count("/") != 1:
        raise ModelNotFound(
            f"There is no model folder at {source}.", "Check the path. A model of the hub is named org/name."
        )
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        cached = Path(snapshot_download(source, revision=revision, allow_patterns=hub.WANTED, local_files_only=True))
        if download is None or _is_whole(cached):
            return cached
    except HFValidationError as error:
        raise ModelNotFound(f"There is no model {shown(source)}: {error}", "Check the name.") from None
    except LocalEntryNotFoundError:
        if download is None:
            raise ModelNotFound(
                f"{source} is not in the hub's cache, and MLX4J_DOWNLOAD=never forbids a download.",
                f"Fetch it with `mlx4j models pull {source}`, or set MLX4J_DOWNLOAD=auto.",
            ) from None
    return hub.fetch(source, revision, download.token, progress, download.room)[0]


def _is_whole(snapshot):
    """Whether a snapshot in the cache has all weights that its index names: other programs may have left less."""
    try:
        indexes = [read_json(snapshot, path.name) for path in files.listed(snapshot, "*.safetensors.index.json")]
        named = {file for index in indexes for file in index["weight_map"].values()}
        return bool(files.listed(snapshot, "*.safetensors")) and all((snapshot / file).is_file() for file in named)
    except (ModelLoadFailed, KeyError, TypeError, AttributeError):
        return False
