"""A worker over the wire, with whatever processes it starts, for the tests of ranks."""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[1] / "mlx_worker.py"
PATIENCE = 30  # seconds for what has to end; only what never does needs them


class RankedWorker:
    """Rank 0, as Java starts it. ``path`` comes before the PATH, if given; ``variables`` go to its environment."""

    def __init__(self, path=None, python=sys.executable, **variables):
        environment = {**os.environ, **variables}
        if path:
            environment["PATH"] = f"{path}:{os.environ['PATH']}"
        command = [str(python), "-I", "-X", "utf8", "-u", str(SCRIPT), "rank-0"]
        self.errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed in end
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors, env=environment
        )
        self._ids = 0

    def send(self, method, **params):
        """Sends a call and returns its id."""
        self._ids += 1
        self._write({"id": str(self._ids), "method": method, "params": params})
        return str(self._ids)

    def cancel(self, call_id):
        self._write({"method": "cancel", "params": {"id": call_id}})

    def messages(self):
        return map(json.loads, self.process.stdout)

    def first(self, method):
        """The params of the next notification of this method."""
        return next(message["params"] for message in self.messages() if message.get("method") == method)

    def answer(self, call_id):
        """(the result or error of a call, the params of the notifications before it)."""
        notes = []
        for message in self.messages():
            if message.get("id") == call_id:
                return message.get("result") or message["error"], notes
            notes.append(message["params"])
        raise AssertionError(f"the worker ended: {self.last_words()}")

    def call(self, method, **params):
        return self.answer(self.send(method, **params))[0]

    def initialize(self, model, **options):
        return self.call("initialize", protocol={"major": 1}, model={"source": str(model)}, options=options)

    def await_training(self):
        """Waits until it is in the middle of a step."""
        while self.call("ping")["engine"]["state"] != "training":
            pass

    def generate(self, question=None, **params):
        """(the tokens, the result) of a request."""
        if question is not None:
            params["messages"] = [{"role": "user", "content": question}]
        result, notes = self.answer(self.send("generate", **{"maxTokens": 24, **params}))
        return [token for note in notes for token in note.get("tokens", [])], result

    def others(self):
        """The process ids of the other ranks: what it started that is not its own watchdog, which has its command."""
        return [pid for pid, parent, command in _processes() if parent == self.process.pid and "rank-0" not in command]

    def all(self):
        """The process ids of all ranks and their watchdogs."""
        found = {self.process.pid}
        for _ in range(3):
            found |= {pid for pid, parent, _ in _processes() if parent in found}
        return found

    def last_words(self):
        self.errors.seek(0)
        return self.errors.read().decode()

    def end(self):
        """Closes its stdin, and returns its exit code."""
        self.process.stdin.close()
        code = self.process.wait(PATIENCE)
        self.process.stdout.close()
        self.errors.close()
        return code

    def _write(self, message):
        self.process.stdin.write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")
        self.process.stdin.flush()


def left_of(pids):
    """Those that are still there when there was time to end."""
    until = time.monotonic() + PATIENCE
    while (left := pids & {pid for pid, _, _ in _processes()}) and time.monotonic() < until:
        time.sleep(0.05)
    return left


def _processes():
    listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid=,stat=,args="], capture_output=True, text=True, check=True)
    for line in listed.stdout.splitlines():
        pid, parent, state, command = [*line.split(None, 3), ""][:4]
        if not state.startswith("Z"):  # it ended; whoever takes note of that is another matter
            yield int(pid), int(parent), command
