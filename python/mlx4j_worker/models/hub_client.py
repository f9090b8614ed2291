"""A client of the Hugging Face hub with bounds: lists a model's files and reads their content.

Nothing here trusts the hub. A body is read up to a limit, a list must have the expected shape, and the name of every
file that is written comes from a hash that was checked to be one.
"""

import hashlib
import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from reprlib import repr as shown
from typing import Any

from mlx4j_worker.errors import DownloadFailed, ModelNotFound
from mlx4j_worker.imports import required

# What a model folder needs; never pickles, never code.
WANTED = ("*.json", "*.safetensors", "tokenizer.model", "*.tiktoken", "*.txt", "*.jsonl", "*.jinja")

SILENCE_SECONDS = 10.0  # without a byte, after which a request is given up
CONTINUES = "The next attempt continues where this one ended."

_MAX_LIST_BYTES = 16 << 20
_MAX_FILES = 10_000
_MAX_FILE_BYTES = 1 << 50
_JSON_SECONDS = 60.0
_SHA1 = re.compile("[0-9a-f]{40}")
_SHA256 = re.compile("[0-9a-f]{64}")
_AGAIN = (408, 429, 500, 502, 503, 504)
_NAME = re.compile(r"[^\x00-\x1f\x7f\\:*?<>|\"]{1,255}")


class TryAgain(Exception):
    """An answer after which the same request may succeed."""


@dataclass(frozen=True)
class ListedFile:
    """A file as the hub lists it: ``size`` in bytes and ``blob``, the hash that also names it in the cache.

    That is the SHA-256 of the content for files in large file storage (``large``), else git's SHA-1 of the blob.
    """

    name: str
    size: int
    blob: str
    large: bool

    def digest(self) -> "hashlib._Hash":
        """A new hash object, whose hex digest over the content has to be ``blob``."""
        if self.large:
            return hashlib.sha256()
        return hashlib.sha1(b"blob %d\0" % self.size, usedforsecurity=False)


@dataclass(frozen=True)
class Listing:
    """A revision of a model: the commit, those of its files that are wanted, its licence, and whether it is gated."""

    commit: str
    files: tuple[ListedFile, ...]
    licence: str | None
    gated: bool

    @property
    def bytes(self) -> int:
        return sum(file.size for file in self.files)

    @property
    def weight_bytes(self) -> int:
        """The size of the weights; copies beside model*.safetensors don't count."""
        weights = [file for file in self.files if file.name.endswith(".safetensors") and "/" not in file.name]
        own = [file for file in weights if file.name.startswith("model")]
        return sum(file.size for file in own or weights)


def list_model(source: str, revision: str | None, token: str | None, wait: float) -> Listing:
    """What the hub has of a model. ``wait`` is how many seconds may pass without a byte.

    Raises DownloadFailed if the answer is too long or is no such list.
    """
    from urllib.parse import quote

    from huggingface_hub import constants
    from huggingface_hub.utils import validate_repo_id

    validate_repo_id(source)
    at = f"/revision/{quote(revision, safe='')}" if revision else ""
    url = f"{constants.ENDPOINT}/api/models/{source}{at}?blobs=true"
    return _listing(source, read_json(url, token, wait, _MAX_LIST_BYTES, f"list of {source}"))


def read_json(url: str, token: str | None, wait: float, limit: int, what: str) -> Any:
    """The JSON at a URL, which is called ``what`` in errors; at most ``limit`` bytes of it are read, for a minute."""
    body, begun = bytearray(), time.monotonic()
    with opened(url, token, wait) as answer:
        for piece in answer.iter_bytes():
            body += piece
            if len(body) > limit:
                raise DownloadFailed(f"The hub's {what} is longer than {limit} bytes.", _NO_HUB)
            if time.monotonic() - begun > _JSON_SECONDS:
                raise DownloadFailed(f"The hub's {what} did not arrive within {_JSON_SECONDS:g} s.", "Try again later.")
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise DownloadFailed(f"The hub's {what} can't be read: {error}", _NO_HUB) from None


@contextmanager
def opened(url: str, token: str | None, wait: float, start: int | None = None) -> Iterator:
    """A response to GET whose body has not been read yet; ``start`` asks for the bytes from there on.

    Raises TryAgain for a status after which that may help, and WorkerErrors for others. The body of an error is never
    read.
    """
    from huggingface_hub.utils import build_hf_headers

    headers = {**build_hf_headers(token=token), "Accept-Encoding": "identity"}
    if start is not None:
        headers["Range"] = f"bytes={start}-"
    with _session().stream("GET", url, headers=headers, timeout=wait) as answer:
        if answer.status_code >= 400 and answer.status_code != 416:
            _refuse(answer.status_code, answer.headers.get("X-Error-Code", ""))
        yield answer


def _session() -> Any:
    """The client, which is made with the settings of proxies and certificates in the environment."""
    import httpx2
    from huggingface_hub import get_session

    try:
        return get_session()
    except (ImportError, ValueError, OSError, httpx2.InvalidURL) as error:
        why = str(error) if isinstance(error, ImportError) else type(error).__name__  # others may show a password
        raise DownloadFailed(
            f"The proxy or certificate settings can't be used: {why}.",
            "Correct HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY, SSL_CERT_FILE and SSL_CERT_DIR.",
        ) from None


_NO_HUB = "Check HF_ENDPOINT: is that a hub?"


class _Refused(Exception):
    """The hub's refusal: a status and the code that says why."""

    def __init__(self, status: Any, code: Any) -> None:
        super().__init__(f"status {status}")
        self.status, self.code = status, code


def _refuse(status: Any, code: Any) -> None:
    if status in _AGAIN:
        raise TryAgain(f"the server answers {status}")
    raise _Refused(status, code)


@contextmanager
def explained(source: str) -> Iterator[None]:
    """Turns what goes wrong with the hub and its cache into this worker's errors."""
    with required("huggingface_hub", "mlx4j setup"):
        import httpx2
        from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError
    try:
        yield
    except HFValidationError as error:
        raise ModelNotFound(f"There is no model {shown(source)}: {error}", "Check the name.") from None
    except _Refused as error:
        raise _error_of(source, error) from None
    except TryAgain as error:
        raise DownloadFailed(f"The hub failed: {error}.", f"Try again later. {CONTINUES}") from None
    except (LocalEntryNotFoundError, httpx2.RequestError, httpx2.InvalidURL, OSError) as error:
        raise DownloadFailed(
            f"The hub or its cache can't be used for {source}: {type(error).__name__}: {error}",
            f"Check the network, HF_ENDPOINT and the disk. {CONTINUES}",
        ) from None


def _error_of(source: str, refused: Any) -> Any:
    log_in = "Log in with `hf auth login`, or set HF_TOKEN."
    if refused.code == "GatedRepo":
        return ModelNotFound(
            f"The hub gives {source} only to users who have accepted its terms.", f"Accept them on its page. {log_in}"
        )
    if refused.code == "RevisionNotFound":
        return ModelNotFound(f"{source} has no such revision.", "Check its name.")
    if refused.code == "RepoNotFound" or refused.status == 401:
        return ModelNotFound(f"The hub has no model {source}, or it is private.", f"Check the name. {log_in}")
    if refused.status == 403:
        return ModelNotFound(f"The hub refused {source}.", log_in)
    if refused.status == 404:
        return ModelNotFound(f"The hub has no model {source}, or not all of its files.", "Check the name.")
    return DownloadFailed(f"The hub failed for {source}: {refused}.", "Try again later.")


def _listing(source: str, answer: Any) -> Listing:
    """The Listing in what the API answered."""
    try:
        commit, siblings, card = answer["sha"], answer["siblings"], answer.get("cardData")
        if not _SHA1.fullmatch(commit):
            raise ValueError(f"sha is {shown(commit)}")
        if len(siblings) > _MAX_FILES:
            raise ValueError(f"it has {len(siblings)} files, but the limit is {_MAX_FILES}")
        files = tuple(_file(sibling) for sibling in siblings if _is_wanted(sibling["rfilename"]))
        licence = card.get("license") if isinstance(card, dict) else None
        return Listing(commit, files, licence if isinstance(licence, str) else None, bool(answer.get("gated")))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DownloadFailed(
            f"The hub's list of {source} can't be read: {type(error).__name__}: {error}", _NO_HUB
        ) from None


def _is_wanted(name: str) -> bool:
    from fnmatch import fnmatchcase

    return any(fnmatchcase(name, pattern) for pattern in WANTED)


def _file(sibling: Any) -> ListedFile:
    name, size, lfs = sibling["rfilename"], sibling["size"], sibling.get("lfs")
    blob = lfs["sha256"] if lfs else sibling["blobId"]
    if not all(_NAME.fullmatch(part) and part not in (".", "..") for part in name.split("/")):
        raise ValueError(f"it names the file {shown(name)}")
    name.encode()  # it raises a ValueError for half of a surrogate pair, which no file system takes
    if type(size) is not int or not 0 <= size <= _MAX_FILE_BYTES:
        raise ValueError(f"the size of {shown(name)} is {shown(size)}")
    if not (_SHA256 if lfs else _SHA1).fullmatch(blob):
        raise ValueError(f"the hash of {shown(name)} is {shown(blob)}")
    return ListedFile(name, size, blob, bool(lfs))
