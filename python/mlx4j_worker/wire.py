"""JSON-RPC 2.0 over two pipes: UTF-8, one object a line, LF only."""

import json
import os
import threading

from mlx4j_worker.errors import BadMessage, ParseError
from mlx4j_worker.failures import Exit

MAX_LINE_BYTES = 8 * 1024 * 1024
EXIT_WIRE_LOST = 74

_encode = json.JSONEncoder(allow_nan=False, separators=(",", ":")).encode


class Wire:
    """The two ends of the wire. ``send`` may be called from any thread, ``lines`` from one."""

    def __init__(self, read, write, max_line_bytes=MAX_LINE_BYTES):
        self._read = read
        self._write = write
        self._max_line_bytes = max_line_bytes
        self._lock = threading.Lock()

    def send(self, message):
        """Writes one message. Raises Exit where nobody reads any more: there is nobody left to work for."""
        data = memoryview((_encode({"jsonrpc": "2.0", **message}) + "\n").encode())
        try:
            with self._lock:
                while data:
                    data = data[os.write(self._write, data) :]
        except OSError:
            raise Exit(EXIT_WIRE_LOST) from None

    def notify(self, method, params):
        self.send({"method": method, "params": params})

    def lines(self):
        """Yields each line as bytes without its LF, or None for one that was longer than the cap."""
        parts, size = [], 0
        while chunk := os.read(self._read, 65536):
            while (end := chunk.find(b"\n")) >= 0:
                parts.append(chunk[:end])
                yield b"".join(parts) if size + end <= self._max_line_bytes else None
                parts, size, chunk = [], 0, chunk[end + 1 :]
            size += len(chunk)
            parts = [*parts, chunk] if size <= self._max_line_bytes else []


def parse(line):
    """The message in a line: a dict with a method, params (a dict) and, for a call, an id (a string)."""
    try:
        message = json.loads(line, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise ParseError(f"This line is not JSON: {error}") from None
    if not isinstance(message, dict) or message.get("jsonrpc") != "2.0":
        raise BadMessage('A message is an object with "jsonrpc": "2.0".')
    if not isinstance(message.get("method"), str):
        raise BadMessage("A message to a worker has a method, a string.")
    if not isinstance(message.get("id", ""), str):
        raise BadMessage("An id is a string.")
    if not isinstance(message.setdefault("params", {}), dict):
        raise BadMessage("params is an object.")
    return message


def _refuse_constant(name):
    raise ValueError(f"{name} is not JSON")


def well_formed(text):
    """The text with unpaired surrogates replaced, since they have no UTF-8 form."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
