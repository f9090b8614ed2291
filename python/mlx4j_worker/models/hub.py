"""Models of the Hugging Face hub: downloads into the hub's cache, facts about a model, removal from the cache.

Every file is fetched here, one after another, into ``blobs/HASH.mlx4j.incomplete`` of the cache, where the next attempt
finds it and continues. It gets its name once it has the listed size and hash; then the snapshot links to it, in the
layout of huggingface_hub, which finds it there.
"""

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mlx4j_worker.call import Poll, Progress
from mlx4j_worker.errors import DownloadFailed, Internal, ModelNotFound, OutOfMemory
from mlx4j_worker.files import is_companion, listed, replace_durably
from mlx4j_worker.memory import format_bytes
from mlx4j_worker.models.hub_client import (
    CONTINUES,
    SILENCE_SECONDS,
    WANTED,
    ListedFile,
    TryAgain,
    explained,
    list_model,
    opened,
    read_json,
)

__all__ = ["STALL_SECONDS", "WANTED", "describe", "fetch", "remove"]

STALL_SECONDS = 60.0  # without a byte, after which a download is given up
_MAX_HTTP_BYTES = 50_000_000_000  # bytes; the hub serves larger files over its own Xet protocol only
_MAX_CONFIG_BYTES = 1_000_000
_PIECE = 16_000_000


def fetch(
    source: str,
    revision: str | None,
    token: str | None,
    progress: Progress,
    room: Any = None,
    stall: Any = STALL_SECONDS,
    poll: Poll = lambda: None,
) -> Any:
    """Downloads the missing files of a model and returns (its folder in the cache, facts).

    ``revision`` and ``token`` may be None. ``progress(phase, done, total, unit)`` is called with bytes. ``room`` is how
    many bytes of weights this machine can hold, or None if that isn't known: a larger model is refused before anything
    is fetched. ``stall`` is how many seconds may pass without a byte. ``poll`` is called often and ends the download by
    raising; what is there is kept then, as after every failure.
    """
    with explained(source):
        poll()
        listing = list_model(source, revision, token, min(SILENCE_SECONDS, stall))
        _check_room(source, listing.weight_bytes, room)
        folder = _folder(source)
        blobs, snapshot = folder / "blobs", folder / "snapshots" / listing.commit
        missing = [file for file in listing.files if not (snapshot / file.name).exists()]
        absent = [file for file in missing if not (blobs / file.blob).exists()]
        total = listing.bytes
        done = total - sum(file.size - _size(_partial(blobs, file)) for file in absent)
        _check_disk(source, total - done, folder)
        _check_http(source, absent)
        progress("download", done, total, "bytes")
        for file in missing:
            if not (blobs / file.blob).exists():
                before = done - _size(_partial(blobs, file))
                fetched = _Fetch(source, listing.commit, file, blobs, token, stall, poll)
                fetched.run(lambda size, before=before: progress("download", before + size, total, "bytes"))
                done = before + file.size
            _link(blobs / file.blob, snapshot / file.name)
        poll()
        _remember(folder, revision, listing.commit)
        progress("download", total, total, "bytes")
        return snapshot, {"revision": listing.commit, "bytes": total}


def describe(source: str, revision: str | None, token: str | None) -> dict[str, Any]:
    """What the hub says of a model: its commit, sizes, licence, and its config.json (None where it has none)."""
    with explained(source):
        from huggingface_hub import hf_hub_url

        listing = list_model(source, revision, token, SILENCE_SECONDS)
        config = None
        if any(file.name == "config.json" and file.size <= _MAX_CONFIG_BYTES for file in listing.files):
            url = hf_hub_url(source, "config.json", revision=listing.commit)
            config = read_json(url, token, SILENCE_SECONDS, _MAX_CONFIG_BYTES, f"config.json of {source}")
        return {
            "revision": listing.commit,
            "bytes": listing.bytes,
            "weightBytes": listing.weight_bytes,
            "licence": listing.licence,
            "gated": listing.gated,
            "config": config if isinstance(config, dict) else None,
        }


def remove(source: str) -> int:
    """Removes a model, and what there is of it, from the cache; returns how many bytes that freed."""
    with explained(source):
        from huggingface_hub import scan_cache_dir

        folder = _folder(source)
        if not folder.is_dir():
            raise ModelNotFound(f"{source} is not in the hub's cache ({folder.parent}).", "Check the name.")
        freed = _bytes_of(folder)
        _drop_companions(folder)
        try:  # huggingface_hub knows which blobs other models share
            cache = scan_cache_dir(folder.parent)
            revisions = [one.commit_hash for repo in cache.repos if repo.repo_path == folder for one in repo.revisions]
            cache.delete_revisions(*revisions).execute()
        except UnicodeDecodeError:  # it takes the companion files of another model for names of commits
            pass
        shutil.rmtree(folder, ignore_errors=True)  # whatever is left
        shutil.rmtree(folder.parent / ".locks" / folder.name, ignore_errors=True)
        if folder.exists():
            raise Internal(f"{folder} could not be removed.", "Check its permissions, and remove it by hand.")
        return freed


class _Fetch:
    """One file on its way into the cache."""

    def __init__(
        self, source: str, commit: Any, file: ListedFile, blobs: Any, token: str | None, stall: Any, poll: Poll
    ) -> None:
        from huggingface_hub import hf_hub_url

        self._file, self._token, self._stall, self._poll = file, token, stall, poll
        self._url = hf_hub_url(source, file.name, revision=commit)
        self._blob = blobs / file.blob
        self._partial = _partial(blobs, file)
        self._lock = blobs.parent.parent / ".locks" / blobs.parent.name / f"{file.blob}.lock"  # huggingface_hub's own

    def run(self, report: Any) -> None:
        """Fetches what is missing of it; ``report`` is called with how many bytes are there."""
        self._partial.parent.mkdir(parents=True, exist_ok=True)
        self._lock.parent.mkdir(parents=True, exist_ok=True)
        with self._locked(report):
            if not self._blob.exists():
                self._fetch(report)
                self._check()
                replace_durably(self._partial, self._blob)  # under its own name, nobody looks at its content again

    @contextmanager
    def _locked(self, report: Any) -> Iterator[None]:
        from filelock import FileLock, Timeout

        lock = FileLock(self._lock)
        while True:
            self._poll()
            try:
                lock.acquire(timeout=1)
                break
            except Timeout:  # another process fetches it
                report(_size(self._partial))
        try:
            yield
        finally:
            lock.release()

    def _fetch(self, report: Any) -> None:
        import httpx2

        last_byte, why = time.monotonic(), ""
        self._partial.touch()  # an empty file needs no request
        while (before := _size(self._partial)) < self._file.size:
            self._poll()
            if why and time.monotonic() - last_byte > self._stall:
                raise DownloadFailed(
                    f"No byte of {self._file.name} came for {self._stall:g} s ({why}); {before} of "
                    f"{self._file.size} bytes were received and are kept.",
                    f"Check the network. {CONTINUES}",
                )
            try:
                for size in self._pieces(before):
                    last_byte, why = time.monotonic(), ""
                    report(size)
                    self._poll()
                why = why or "it ended early"
            except (httpx2.TransportError, httpx2.DecodingError) as error:
                why = f"{type(error).__name__}: {error}"
            except TryAgain as error:
                why = str(error)
            if _size(self._partial) == before:
                time.sleep(min(1.0, self._stall / 10))

    def _pieces(self, before: Any) -> Iterator[Any]:
        """Appends what comes from ``before`` on, and yields after each piece how many bytes are there."""
        wait = min(SILENCE_SECONDS, self._stall / 4)
        with opened(self._url, self._token, wait, start=before) as answer:
            if answer.status_code == 416:  # it is shorter than the hub's list says
                self._refuse()
            with open(self._partial, "ab" if answer.status_code == 206 else "wb") as out:
                for piece in answer.iter_bytes():
                    if out.tell() + len(piece) > self._file.size:
                        self._refuse()
                    out.write(piece)
                    yield out.tell()

    def _check(self) -> None:
        digest = self._file.digest()
        with open(self._partial, "rb") as whole:
            while piece := whole.read(_PIECE):
                self._poll()
                digest.update(piece)
        if digest.hexdigest() != self._file.blob:
            self._refuse()

    def _refuse(self) -> None:
        self._partial.unlink(missing_ok=True)
        raise DownloadFailed(
            f"{self._file.name} doesn't match the hub's list (its size or hash differs): it was changed in the "
            "meantime, or damaged in transit. The downloaded part was deleted.",
            "Try again.",
        )


def _link(blob: Any, link: Any) -> None:
    """Makes the snapshot's link to a blob; where there are no symbolic links (exFAT) the file itself moves there."""
    link.parent.mkdir(parents=True, exist_ok=True)
    link.unlink(missing_ok=True)  # one that leads nowhere
    try:
        link.symlink_to(os.path.relpath(blob, link.parent))
    except FileExistsError:  # another process was faster
        pass
    except OSError:
        os.replace(blob, link)


def _remember(folder: Path, revision: str | None, commit: Any) -> None:
    """Notes which commit a branch or tag is, as huggingface_hub does, so that it is found without the network."""
    if revision == commit:
        return
    refs = folder / "refs"
    note = refs / (revision or "main")
    if not note.resolve().is_relative_to(refs.resolve()):
        raise ModelNotFound(f"{revision!r} is not the name of a revision.", "Check its name.")
    note.parent.mkdir(parents=True, exist_ok=True)
    unfinished = note.with_name(f".{note.name}.{os.getpid()}")
    unfinished.write_text(commit, encoding="ascii")
    os.replace(unfinished, note)


def _folder(source: str) -> Path:
    from huggingface_hub.constants import HF_HUB_CACHE
    from huggingface_hub.file_download import repo_folder_name
    from huggingface_hub.utils import validate_repo_id

    validate_repo_id(source)
    return Path(HF_HUB_CACHE).expanduser().resolve() / repo_folder_name(repo_id=source, repo_type="model")


def _partial(blobs: Path, file: ListedFile) -> Path:
    return blobs / f"{file.blob}.mlx4j.incomplete"


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _bytes_of(folder: Path) -> int:
    """The bytes of a model's folder in the cache: of its blobs, and of snapshots where links aren't possible."""
    copies = (Path(at, name) for at, _, names in os.walk(folder / "snapshots") for name in names)
    kept = [path for path in copies if not path.is_symlink() and not is_companion(path.name)]
    return sum(_size(path) for path in listed(folder / "blobs") + kept)


def _drop_companions(folder: Path) -> None:
    for at, _, names in os.walk(folder):
        for name in filter(is_companion, names):
            Path(at, name).unlink(missing_ok=True)


def _check_room(source: str, needed: Any, room: Any) -> None:
    if room is not None and needed > room:
        raise OutOfMemory(
            f"The weights of {source} take {format_bytes(needed)}, but {format_bytes(room)} of memory are available, "
            "so nothing was downloaded.",
            "Use a smaller or quantized model (`mlx4j models pick`), or close other programs.",
        )


def _check_http(source: str, files: Any) -> None:
    for file in files:
        if file.size > _MAX_HTTP_BYTES:
            raise DownloadFailed(
                f"{file.name} of {source} has {file.size / 1e9:.0f} GB, and the hub serves no file above "
                f"{_MAX_HTTP_BYTES / 1e9:.0f} GB over HTTP.",
                f"Download the model with `hf download {source}`; then it is in the cache.",
            )


def _check_disk(source: str, needed: Any, folder: Path) -> None:
    at = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(at).free
    if needed > free:
        raise DownloadFailed(
            f"{source} needs {format_bytes(needed)} more on the disk, but {format_bytes(free)} are free at {at}.",
            "Make room (`mlx4j models rm`), or set HF_HOME to a folder on another disk.",
        )
