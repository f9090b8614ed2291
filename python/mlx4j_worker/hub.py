"""Models of the Hugging Face hub: what there is of one, its download into the hub's cache, its removal from there.

Large files (those that the hub keeps by their SHA-256) are fetched here, one after another, each into
``blobs/SHA256.mlx4j.incomplete`` of the cache, where the next attempt finds it and goes on. huggingface_hub itself
keeps no part of a file whose download failed. The rest, and the snapshot's links, are left to it.
"""

import hashlib
import os
import re
import shutil
import time
from contextlib import contextmanager
from pathlib import Path
from reprlib import repr as shown

from mlx4j_worker.errors import DownloadFailed, Internal, ModelNotFound, OutOfMemory
from mlx4j_worker.files import is_companion, listed, put
from mlx4j_worker.imports import needed

# What a model folder needs; never pickles, never code.
WANTED = ["*.json", "*.safetensors", "tokenizer.model", "*.tiktoken", "*.txt", "*.jsonl", "*.jinja"]

STALL_SECONDS = 60.0  # without a byte, after which a download is given up
_SILENCE_SECONDS = 10.0  # without a byte, after which it asks the server again
_LARGEST_BY_HTTP = 50_000_000_000  # beyond it the hub gives a file through its own Xet only, and so to huggingface_hub
_LARGEST_CONFIG = 1_000_000
_SHA256 = re.compile("[0-9a-f]{64}")
_AGAIN = (408, 429, 500, 502, 503, 504)
_PIECE = 16_000_000
_ON = "The same download goes on where this one ended."


def fetch(source, revision, token, progress, room=None, stall=STALL_SECONDS, poll=lambda: None):
    """Downloads what is missing of a model and returns its folder in the cache.

    ``revision`` and ``token`` may be None. ``progress(phase, done, total, unit)`` hears of bytes. ``room`` is how many
    bytes of weights this machine can hold, None if that isn't known: a larger model is refused before anything is
    fetched. ``stall`` is how many seconds may pass without a byte. ``poll`` is called often, and ends the download by
    raising; what is there of it is kept then, as after every failure.
    """
    with _explained(source):
        from huggingface_hub import snapshot_download

        poll()
        info = _info(source, revision, token, stall)
        files = _wanted(info)
        _check_room(source, weight_bytes(files), room)
        folder = _folder(source)
        blobs = folder / "blobs"
        total, done = sum(file.size or 0 for file in files), 0
        missing = []
        for file in files:
            if _is_large(file) and not _is_there(folder, info.sha, file):
                missing.append(file)
                done += _size(_partial(blobs, file))
            elif _is_there(folder, info.sha, file):
                done += file.size or 0
        _check_disk(source, total - done, folder)
        progress("download", done, total, "bytes")
        for file in missing:
            if file.size <= _LARGEST_BY_HTTP:
                before = done - _size(_partial(blobs, file))
                fetched = _Fetch(source, info.sha, file, blobs, token, stall, poll)
                fetched.run(lambda size, before=before: progress("download", before + size, total, "bytes"))
                done = before + file.size
        poll()
        path = snapshot_download(
            source, revision=revision, allow_patterns=WANTED, token=token, tqdm_class=_silent_bar(poll)
        )
        progress("download", total, total, "bytes")
        return Path(path), {"revision": info.sha, "bytes": total}


def describe(source, revision, token):
    """What the hub says of a model: its commit, sizes, licence, and its config.json (None where it has none)."""
    with _explained(source):
        from huggingface_hub import get_session, hf_hub_url
        from huggingface_hub.utils import build_hf_headers, hf_raise_for_status

        info = _info(source, revision, token, STALL_SECONDS)
        files = _wanted(info)
        config = next((file for file in files if file.rfilename == "config.json"), None)
        if config is not None and (config.size or 0) <= _LARGEST_CONFIG:
            url = hf_hub_url(source, "config.json", revision=info.sha)
            answer = get_session().get(url, headers=build_hf_headers(token=token), timeout=_SILENCE_SECONDS)
            hf_raise_for_status(answer)
            config = answer.json()
        else:
            config = None
        card = info.card_data.to_dict() if info.card_data else {}
        licence = card.get("license")
        return {
            "revision": info.sha,
            "bytes": sum(file.size or 0 for file in files),
            "weightBytes": weight_bytes(files),
            "licence": licence if isinstance(licence, str) else None,
            "gated": bool(info.gated),
            "config": config if isinstance(config, dict) else None,
        }


def remove(source):
    """Removes a model, and what there is of it, from the cache; returns how many bytes that freed."""
    with _explained(source):
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


def weight_bytes(files):
    """The bytes of a model's weights by the hub's list of its files; copies beside model*.safetensors don't count."""
    weights = [file for file in files if file.rfilename.endswith(".safetensors") and "/" not in file.rfilename]
    own = [file for file in weights if file.rfilename.startswith("model")]
    return sum(file.size or 0 for file in own or weights)


class _Fetch:
    """One large file on its way into the cache."""

    def __init__(self, source, commit, file, blobs, token, stall, poll):
        from huggingface_hub import hf_hub_url
        from huggingface_hub.utils import build_hf_headers

        self._file, self._stall, self._poll = file, stall, poll
        self._url = hf_hub_url(source, file.rfilename, revision=commit)
        self._headers = {**build_hf_headers(token=token), "Accept-Encoding": "identity"}
        self._blob = blobs / file.lfs.sha256
        self._partial = _partial(blobs, file)
        self._lock = blobs.parent.parent / ".locks" / blobs.parent.name / f"{file.lfs.sha256}.lock"  # the client's own

    def run(self, report):
        """Fetches what is missing of it; ``report`` hears how many bytes are there."""
        self._partial.parent.mkdir(parents=True, exist_ok=True)
        self._lock.parent.mkdir(parents=True, exist_ok=True)
        with self._locked(report):
            if not self._blob.exists():
                self._fetch(report)
                self._check()
                put(self._partial, self._blob)  # under its own name, nobody looks at its content again

    @contextmanager
    def _locked(self, report):
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

    def _fetch(self, report):
        import httpx2
        from huggingface_hub.errors import HfHubHTTPError

        heard, why = time.monotonic(), ""
        while (before := _size(self._partial)) < self._file.size:
            self._poll()
            if why and time.monotonic() - heard > self._stall:
                raise DownloadFailed(
                    f"No byte of {self._file.rfilename} came for {self._stall:g} s ({why}); {before} of "
                    f"{self._file.size} bytes are there and are kept.",
                    f"Check the network. {_ON}",
                )
            try:
                for size in self._pieces(before):
                    heard, why = time.monotonic(), ""
                    report(size)
                    self._poll()
                why = why or "it ended early"
            except (httpx2.TransportError, httpx2.DecodingError) as error:
                why = f"{type(error).__name__}: {error}"
            except HfHubHTTPError as error:
                if error.response.status_code not in _AGAIN:
                    raise
                why = f"the server answers {error.response.status_code}"
            if _size(self._partial) == before:
                time.sleep(min(1.0, self._stall / 10))

    def _pieces(self, before):
        """Appends what comes from ``before`` on, and yields after each piece how many bytes are there."""
        from huggingface_hub import get_session
        from huggingface_hub.utils import hf_raise_for_status

        headers = {**self._headers, "Range": f"bytes={before}-"}
        wait = min(_SILENCE_SECONDS, self._stall / 4)
        with get_session().stream("GET", self._url, headers=headers, timeout=wait) as answer:
            if answer.status_code == 416:  # it is shorter than the hub's list says
                self._refuse()
            hf_raise_for_status(answer)
            with open(self._partial, "ab" if answer.status_code == 206 else "wb") as out:
                for piece in answer.iter_bytes():
                    out.write(piece)
                    yield out.tell()
                    if out.tell() > self._file.size:
                        self._refuse()

    def _check(self):
        digest = hashlib.sha256()
        with open(self._partial, "rb") as whole:
            while piece := whole.read(_PIECE):
                self._poll()
                digest.update(piece)
        if digest.hexdigest() != self._file.lfs.sha256:
            self._refuse()

    def _refuse(self):
        self._partial.unlink(missing_ok=True)
        raise DownloadFailed(
            f"{self._file.rfilename} is not what the hub's list says (its size or SHA-256 differs): it was changed "
            "meanwhile, or damaged on the way. What was fetched of it is thrown away.",
            "Try again.",
        )


def _info(source, revision, token, stall):
    from huggingface_hub import HfApi
    from huggingface_hub.utils import validate_repo_id

    validate_repo_id(source)
    return HfApi(token=token).model_info(
        source, revision=revision, files_metadata=True, timeout=min(_SILENCE_SECONDS, stall)
    )


def _wanted(info):
    from huggingface_hub.utils import filter_repo_objects

    return list(filter_repo_objects(info.siblings or [], allow_patterns=WANTED, key=lambda file: file.rfilename))


def _folder(source):
    from huggingface_hub.constants import HF_HUB_CACHE
    from huggingface_hub.file_download import repo_folder_name
    from huggingface_hub.utils import validate_repo_id

    validate_repo_id(source)
    return Path(HF_HUB_CACHE).expanduser().resolve() / repo_folder_name(repo_id=source, repo_type="model")


def _is_large(file):
    """Whether a file is kept by its SHA-256, which names it in the cache: nothing else may be in that name."""
    return file.lfs is not None and file.size is not None and bool(_SHA256.fullmatch(file.lfs.sha256 or ""))


def _is_there(folder, commit, file):
    return (folder / "snapshots" / commit / file.rfilename).exists() or (
        _is_large(file) and (folder / "blobs" / file.lfs.sha256).exists()
    )


def _partial(blobs, file):
    return blobs / f"{file.lfs.sha256}.mlx4j.incomplete"


def _size(path):
    return path.stat().st_size if path.is_file() else 0


def _bytes_of(folder):
    """The bytes of a model's folder in the cache: of its blobs, and of snapshots where links aren't possible."""
    copies = (Path(at, name) for at, _, names in os.walk(folder / "snapshots") for name in names)
    kept = [path for path in copies if not path.is_symlink() and not is_companion(path.name)]
    return sum(_size(path) for path in listed(folder / "blobs") + kept)


def _drop_companions(folder):
    for at, _, names in os.walk(folder):
        for name in filter(is_companion, names):
            Path(at, name).unlink(missing_ok=True)


def _check_room(source, needed, room):
    if room is not None and needed > room:
        raise OutOfMemory(
            f"The weights of {source} take {needed / 1e9:.1f} GB, but {room / 1e9:.1f} GB of memory can be had, so "
            "nothing was downloaded.",
            "Use a smaller or quantized model (`mlx4j models pick`), or close other programs.",
        )


def _check_disk(source, needed, folder):
    at = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(at).free
    if needed > free:
        raise DownloadFailed(
            f"{source} needs {needed / 1e9:.1f} GB more on the disk, but {free / 1e9:.1f} GB are free at {at}.",
            "Make room (`mlx4j models rm`), or set HF_HOME to a folder on another disk.",
        )


def _silent_bar(poll):
    from tqdm.auto import tqdm

    class SilentBar(tqdm):
        """A tqdm that prints nothing; the client knows no other way to be told to stop."""

        def __init__(self, *args, **kwargs):
            kwargs.pop("name", None)
            super().__init__(*args, **{**kwargs, "disable": False, "gui": True})

        def display(self, *args, **kwargs):
            pass

        def update(self, n=1):
            poll()
            return super().update(n)

    return SilentBar


@contextmanager
def _explained(source):
    """Turns what the hub's client raises into this worker's errors."""
    with needed("huggingface_hub", "mlx4j setup"):
        import httpx2
        from huggingface_hub.errors import (
            GatedRepoError,
            HfHubHTTPError,
            HFValidationError,
            LocalEntryNotFoundError,
            RepositoryNotFoundError,
            RevisionNotFoundError,
        )
    try:
        yield
    except HFValidationError as error:
        raise ModelNotFound(f"There is no model {shown(source)}: {error}", "Check the name.") from None
    except GatedRepoError as error:
        raise ModelNotFound(
            f"The hub gives {source} only to those who accepted its terms: {error}",
            "Accept them on its page, and log in with `hf auth login` or set HF_TOKEN.",
        ) from None
    except RevisionNotFoundError as error:
        raise ModelNotFound(f"{source} has no such revision: {error}", "Check its name.") from None
    except RepositoryNotFoundError as error:
        raise ModelNotFound(
            f"The hub has no model {source}, or it is private: {error}",
            "Check the name; for a private one log in with `hf auth login`, or set HF_TOKEN.",
        ) from None
    except HfHubHTTPError as error:
        if error.response.status_code in (401, 403):
            raise ModelNotFound(
                f"The hub refused {source}: {error}", "Log in with `hf auth login`, or set HF_TOKEN."
            ) from None
        raise DownloadFailed(f"The hub failed: {error}", f"Try again later. {_ON}") from None
    except ValueError as error:  # no JSON
        raise DownloadFailed(
            f"What the hub says of {source} can't be read: {error}", "Check HF_ENDPOINT: is that a hub?"
        ) from None
    except (LocalEntryNotFoundError, httpx2.RequestError, OSError) as error:
        raise DownloadFailed(
            f"The hub or its cache can't be used for {source}: {type(error).__name__}: {error}",
            f"Check the network, HF_ENDPOINT and the disk. {_ON}",
        ) from None
