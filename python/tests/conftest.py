"""Starts workers as Java does and talks to them over their pipes; whatever waits here ends after a time limit."""

import contextlib
import json
import math
import queue
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

PYTHON_DIR = Path(__file__).resolve().parent.parent
SECONDS = 20  # the longest wait for anything; only a broken worker needs it


def eventually(condition):
    """Wait until it holds; fail if it takes too long."""
    until = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < until, "not within the time limit"
        time.sleep(0.01)


class WorkerProcess:
    """A worker and its pipes. A thread reads its lines, so that every wait can have an end."""

    def __init__(self, script, nonce, stderr, arguments=()):
        command = [sys.executable, "-I", "-X", "utf8", "-u", str(script), nonce, *arguments]
        self._stderr = stderr
        with stderr.open("wb") as sink:
            self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=sink)
        self._lines = queue.Queue()
        self._next_id = 0
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        with self.process.stdout as stdout:
            for line in iter(stdout.readline, b""):
                self._lines.put(line)
        self._lines.put(None)

    # --- to the worker

    def write(self, data):
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def send(self, *messages):
        """Sends messages in one write."""
        lines = [json.dumps({"jsonrpc": "2.0", **message}, allow_nan=False) + "\n" for message in messages]
        self.write("".join(lines).encode())

    def call(self, method, params=None, call_id=None):
        """Sends a call without waiting for its answer; returns its id."""
        if call_id is None:
            self._next_id += 1
            call_id = str(self._next_id)
        self.send({"id": call_id, "method": method, "params": params or {}})
        return call_id

    def cancel(self, call_id):
        self.send({"method": "cancel", "params": {"id": call_id}})

    def close_stdin(self):
        self.process.stdin.close()

    # --- from the worker

    def line(self):
        """The next line as bytes with its LF, or None after the last one."""
        try:
            return self._lines.get(timeout=SECONDS)
        except queue.Empty:
            pytest.fail(f"no line from the worker in {SECONDS} s; stderr: {self.stderr()}")

    def receive(self):
        """The next message."""
        line = self.line()
        assert line is not None, f"the worker ended; stderr: {self.stderr()}"
        return json.loads(line)

    def answer(self, call_id, seen=None):
        """The answer to a call. What came before it goes to ``seen`` where given; another call's answer fails."""
        while True:
            message = self.receive()
            if message.get("id") == call_id and "method" not in message:
                return message
            assert "method" in message, f"an answer to another call: {message}"
            if seen is not None:
                seen.append(message)

    def notification(self, method):
        """The next notification of this method; others before it are passed over."""
        while (message := self.receive()).get("method") != method:
            assert "method" in message, f"an answer instead of {method}: {message}"
        return message["params"]

    def rest(self):
        """Every message up to the end of the worker's output."""
        messages = []
        while (line := self.line()) is not None:
            messages.append(json.loads(line))
        return messages

    def exit_code(self, seconds=SECONDS):
        return self.process.wait(seconds)

    def stderr(self):
        return self._stderr.read_text(errors="replace")

    # --- the usual beginnings

    def hello(self):
        return self.notification("hello")

    def initialize(self, source="fake"):
        """Past hello and a successful initialize."""
        self.hello()
        answer = self.answer(self.call("initialize", initialize_params(source)))
        assert "result" in answer, answer
        return answer["result"]

    def generate(self, prompt, max_tokens=100, **params):
        """Calls generate with a raw prompt, which may be a script (a dict); returns the call's id."""
        text = prompt if isinstance(prompt, str) else json.dumps(prompt)
        return self.call("generate", {"prompt": text, "maxTokens": max_tokens, **params})

    def kill(self):
        self.process.kill()
        self.process.wait(SECONDS)
        if not self.process.stdin.closed:
            with contextlib.suppress(OSError):  # bytes that the dead worker never took
                self.process.stdin.close()


def safetensors(tensors, metadata=None):
    """The bytes of a safetensors file of zeros; ``tensors`` is {name: shape}, all of 32-bit floats."""
    header, at = {"__metadata__": metadata} if metadata else {}, 0
    for name, shape in tensors.items():
        size = 4 * math.prod(shape)
        header[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + bytes(at)


def initialize_params(source="fake", major=1):
    """The params of initialize; a source that is a dict is a script for the fake worker."""
    text = source if isinstance(source, str) else json.dumps(source)
    return {"protocol": {"major": major, "minor": 0}, "model": {"source": text}}


@pytest.fixture
def start_worker(tmp_path):
    """A function that starts a worker, the fake one unless a script is named. All of them are killed in the end."""
    workers = []

    def start(nonce="a-nonce", script=PYTHON_DIR / "tests" / "fake_worker.py", arguments=()):
        worker = WorkerProcess(script, nonce, tmp_path / f"stderr-{len(workers)}.txt", arguments)
        workers.append(worker)
        return worker

    yield start
    for worker in workers:
        worker.kill()


@pytest.fixture
def worker(start_worker):
    """A fake worker that has a model."""
    worker = start_worker()
    worker.initialize()
    return worker
