"""Resolves a model's name to a folder: a local path, the hub's cache, or a download."""

import os
from dataclasses import dataclass
from pathlib import Path
from reprlib import repr as shown
from typing import Any

from mlx4j_worker import files
from mlx4j_worker.call import Progress
from mlx4j_worker.errors import ModelLoadFailed, ModelNotFound, WorkerError
from mlx4j_worker.models import hub
from mlx4j_worker.models.folder import read_json
from mlx4j_worker.requests.hub import token_of


class NotDownloaded(WorkerError):
    """A model is not in the cache, may be downloaded, but not by this worker, which has no network."""

    def __init__(self, source: str, revision: str | None, room: Any) -> None:
        super().__init__(f"{source} is not in the hub's cache.")
        self.asked = {"source": source, "revision": revision, "roomBytes": room}


@dataclass(frozen=True)
class Download:
    """That a download is allowed. ``token`` is the user's of the hub, ``room`` bytes that weights may take, or None.

    Without ``here`` another process has to do it: ``HF_HUB_OFFLINE`` is set for a worker without network.
    """

    token: str | None = None
    room: int | None = None
    here: bool = True

    @classmethod
    def of(cls, params: dict[str, Any], room: int | None) -> "Download | None":
        """What the params of ``initialize`` allow: a Download, or None."""
        if not params.get("download", False):
            return None
        return cls(token_of(params), room, os.environ.get("HF_HUB_OFFLINE") != "1")


def resolve(source: str, revision: str | None, download: Any, progress: Progress) -> Path:
    """The local folder of ``source``, a path or a hub id ``org/name``.

    ``progress(phase, done, total, unit)`` is told of a download. Where ``download`` is None only the cache is asked.
    Raises NotDownloaded where another process has to download it.
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
    if not download.here:
        raise NotDownloaded(source, revision, download.room)
    return hub.fetch(source, revision, download.token, progress, download.room)[0]


def _is_whole(snapshot: Path) -> bool:
    """Whether a snapshot in the cache has all weights that its index names: other programs may have left less."""
    try:
        indexes = [read_json(snapshot, path.name) for path in files.listed(snapshot, "*.safetensors.index.json")]
        named = {file for index in indexes for file in index["weight_map"].values()}
        return bool(files.listed(snapshot, "*.safetensors")) and all((snapshot / file).is_file() for file in named)
    except (ModelLoadFailed, KeyError, TypeError, AttributeError):
        return False
