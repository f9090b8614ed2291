"""JSON-RPC 2.0 over two pipes: UTF-8, one object a line, LF only."""

import json
import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from mlx4j_worker.bounds import MAX_DEPTH, MAX_LINE_BYTES, is_too_deep
from mlx4j_worker.errors import BadMessage, Internal, InvalidRequest, ParseError
from mlx4j_worker.failures import Exit

EXIT_WIRE_LOST = 74
MAX_BATCH_BYTES = 65_536  # as much as a pipe holds on Linux

_encode = json.JSONEncoder(allow_nan=False, separators=(",", ":")).encode
_HEAD_BYTES = 256  # of a line that is too long; Java writes the id within them
_ID = re.compile(rb'\s*\{\s*(?:"jsonrpc"\s*:\s*"2\.0"\s*,\s*)?(?:"method"\s*:\s*"\w*"\s*,\s*)?"id"\s*:\s*"([^"\\]*)"')


class TooLong(InvalidRequest):
    """A message that exceeds the maximum line length; it was not sent."""


class Overlong(bytes):
    """The beginning of a line that was longer than the maximum, and has been dropped."""


class Wire:
    """The two ends of the wire. ``send`` may be called from any thread, ``lines`` from one."""

    def __init__(self, read: int, write: int, max_line_bytes: int = MAX_LINE_BYTES) -> None:
        self._read = read
        self._write = write
        self._max_line_bytes = max_line_bytes
        self.turn = threading.RLock()  # who holds it alone sends; for changes that must be seen with a message
        self._unsent: list[bytes] = []  # lines, in the order in which they were sent
        self._unsent_bytes = 0
        self._batching: int | None = None  # the id of the thread that is in ``batch``

    def send(self, message: dict[str, Any]) -> None:
        """Writes one message, in ``batch`` at its end. Raises Exit if nobody reads: there is nobody left to work for.

        Raises a WorkerError before anything is written if the message is too long or nested too deeply for a line, or
        has no JSON form.
        """
        line = _line(message)
        with self.turn:
            self._unsent.append(line)
            self._unsent_bytes += len(line)
            if self._batching != threading.get_ident() or self._unsent_bytes >= MAX_BATCH_BYTES:
                self.flush()

    @contextmanager
    def batch(self) -> Iterator[None]:
        """Writes the messages that this thread sends in the block together, at its end.

        They are written earlier once they exceed MAX_BATCH_BYTES, and before a message of another thread, so messages
        are always written in the order in which they were sent. Only one thread may use this, and only around code
        that is quick: the parent waits for these messages.
        """
        before, self._batching = self._batching, threading.get_ident()
        try:
            yield
        finally:
            self._batching = before
            if before is None:
                self.flush()

    def flush(self) -> None:
        """Writes what was sent and not yet written. Raises Exit as ``send`` does."""
        with self.turn:
            if not self._unsent:
                return
            data = memoryview(b"".join(self._unsent))
            self._unsent, self._unsent_bytes = [], 0
            try:
                while data:
                    data = data[os.write(self._write, data) :]
            except OSError:
                raise Exit(EXIT_WIRE_LOST) from None

    def notify(self, method: str, params: dict[str, Any]) -> None:
        self.send({"method": method, "params": params})

    def lines(self) -> Iterator[bytes]:
        """Yields each line as bytes without its LF, or an Overlong for one that is longer than the maximum."""
        parts, size, head = [], 0, b""
        while chunk := os.read(self._read, 65536):
            while (end := chunk.find(b"\n")) >= 0:
                parts.append(chunk[:end])
                line = b"".join(parts)
                dropped = head if size > self._max_line_bytes else b""
                yield line if size + end <= self._max_line_bytes else Overlong((dropped + line)[:_HEAD_BYTES])
                parts, size, chunk, head = [], 0, chunk[end + 1 :], b""
            head = (head + chunk[:_HEAD_BYTES])[:_HEAD_BYTES]
            size += len(chunk)
            parts = [*parts, chunk] if size <= self._max_line_bytes else []


def parse(line: bytes) -> dict[str, Any]:
    """The message in a line: a dict with a method, params (a dict) and, for a call, an id (a string)."""
    try:
        message = json.loads(line, parse_constant=_refuse_constant)
    except RecursionError:
        raise _too_deep() from None
    except ValueError as error:
        raise ParseError(f"This line is not JSON: {error}") from None
    if _may_be_deep(line) and is_too_deep(message):
        raise _too_deep()
    if not isinstance(message, dict) or message.get("jsonrpc") != "2.0":
        raise BadMessage('A message is an object with "jsonrpc": "2.0".')
    if not isinstance(message.get("method"), str):
        raise BadMessage("A message to a worker has a method, a string.")
    if not isinstance(message.get("id", ""), str):
        raise BadMessage("An id is a string.")
    if not isinstance(message.setdefault("params", {}), dict):
        raise BadMessage("params is an object.")
    return message


def call_id(line: bytes) -> str | None:
    """The id of the call in a line that can't be parsed or is cut off, or None."""
    found = _ID.match(line)
    return found[1].decode("utf-8", "replace") if found else None


def _line(message: dict[str, Any]) -> bytes:
    """The bytes of a message with its LF."""
    try:
        line = _encode({"jsonrpc": "2.0", **message}).encode()
    except (TypeError, ValueError, RecursionError) as error:  # a NaN, or nested without end
        raise Internal(f"A message has no JSON form: {error}") from error
    if len(line) > MAX_LINE_BYTES:
        raise TooLong(
            f"The result has {len(line)} bytes of JSON, but a line has at most {MAX_LINE_BYTES}.",
            "Ask for less at once.",
        )
    if _may_be_deep(line) and is_too_deep(message):
        raise InvalidRequest(f"The result is nested more than {MAX_DEPTH} levels deep.")
    return line + b"\n"


def _may_be_deep(line: bytes) -> bool:
    """Whether a line has enough brackets, also in text, to be nested too deeply; quick for the short ones."""
    return len(line) > MAX_DEPTH and line.count(b"{") + line.count(b"[") > MAX_DEPTH


def _too_deep() -> InvalidRequest:
    return InvalidRequest(
        f"The JSON of the request is nested more than {MAX_DEPTH} levels deep.",
        "Use a flatter schema, or flatter tool parameters or arguments.",
    )


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def well_formed(text: str) -> str:
    """The text with unpaired surrogates replaced, since they have no UTF-8 form."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
