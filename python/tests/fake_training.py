"""A worker that trains without ML packages, over the real session: one weight w, whose loss on a token is (w - 1) ** 2.

A token is a character. Text is the only kind of data. The model's source can be a script:

    refuse    {KIND: MESSAGE}: it can't be opened, with this class of error
    dieAt     the worker is killed in the step of this number; with ``once``, a file, only if that does not exist yet
    nanAt     the loss of the step of this number is no number
    fullAt    a checkpoint after so many steps finds no space left
    slowAt    the step of this number takes a second for each micro-batch; ``reached``, a file, is made when it begins
    valid     {STEP: LOSS}: what a validation gives after so many steps; default 1
"""

import errno
import json
import os
import signal
import struct
import sys
import time
from pathlib import Path

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.realpath(__file__))))

from mlx4j_worker import stdio

descriptors = stdio.claim()

from mlx4j_worker import errors  # noqa: E402
from mlx4j_worker.main import serve  # noqa: E402
from mlx4j_worker.training.load import open_session  # noqa: E402


class Tokenizer:
    bos_token = None
    eos_token_id = 0
    chat_template = None

    def encode(self, text, add_special_tokens=False):
        return [ord(c) for c in text]


class FakeBackend:
    context_length = 4096
    vocabulary_size = 0x110000
    tokenizer = Tokenizer()
    trained_modules = ("echo",)
    warnings = ()

    def __init__(self, source, script):
        self._source = source
        self._script = script
        self._weight, self._momentum, self._steps = 0.0, 0.0, 0
        self._gradient = 0.0

    def identity(self):
        return {"kind": "fake", "model": "fake"}

    def describe(self):
        return {
            "model": self._source,
            "device": "cpu",
            "parameters": 10,
            "trainableParameters": 1,
            "contextLength": self.context_length,
            "dtype": "float32",
            "packages": {"fake": "1"},
        }

    def memory(self):
        return {"activeBytes": 1000, "peakBytes": 2000 + self._steps, "cacheBytes": None}

    def reset_peak(self):
        pass

    def add_gradients(self, batch, _seed):
        step = self._steps + 1
        if step == self._script.get("dieAt") and not os.path.exists(self._script.get("once", "")):
            if "once" in self._script:
                Path(self._script["once"]).touch()
            print("the last words")
            os.kill(os.getpid(), signal.SIGKILL)
        if step == self._script.get("slowAt"):
            Path(self._script["reached"]).touch()
            time.sleep(1)
        if step == self._script.get("nanAt"):
            return float("nan")
        self._gradient += 2 * (self._weight - 1) * batch.tokens
        return (self._weight - 1) ** 2 * batch.tokens

    def gradient_norm(self):
        return abs(self._gradient)

    def apply(self, rate, scale):
        self._momentum = 0.5 * self._momentum + self._gradient * scale
        self._weight -= rate * self._momentum
        self._steps += 1
        self.drop_gradients()

    def drop_gradients(self):
        self._gradient = 0.0

    def loss(self, batch):
        return self._script.get("valid", {}).get(str(self._steps), 1.0) * batch.tokens

    def write_gradients(self, file, scale):
        _write(file, self._gradient * scale)
        return 1

    def save_state(self, weights, optimizer):
        if self._steps == self._script.get("fullAt"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        _write(weights, self._weight)
        _write(optimizer, self._momentum, self._steps)

    def load_state(self, weights, optimizer):
        (self._weight,) = _read(weights)
        self._momentum, steps = _read(optimizer)
        self._steps = int(steps)

    def check_adapter_format(self, form):
        if form == "mlx":
            raise errors.NotSupported("This worker can't write adapters as mlx-lm has them.")

    def save_adapter(self, folder, _form):
        _write(folder / "adapter_model.safetensors", self._weight)

    def save_model(self, folder):
        _write(folder / "model.safetensors", self._weight)
        return ["a warning of the model"]

    def settle(self):
        pass


def _write(path, *values):
    tensor = {"dtype": "F64", "shape": [len(values)], "data_offsets": [0, 8 * len(values)]}
    header = json.dumps({"values": tensor}).encode()
    Path(path).write_bytes(struct.pack("<Q", len(header)) + header + struct.pack(f"<{len(values)}d", *values))


def _read(path):
    content = Path(path).read_bytes()
    values = content[8 + int.from_bytes(content[:8], "little") :]
    return struct.unpack(f"<{len(values) // 8}d", values)


def load_backend(params, _options, _config, progress):
    source = params["model"]["source"]
    try:
        script = json.loads(source)
    except ValueError:
        script = {}
    for kind, message in script.get("refuse", {}).items():
        raise getattr(errors, kind)(message, "Ask for something else.")
    progress("load", 0, 1, "models")
    return FakeBackend(source, script)


def load(_params, _options, _progress):
    raise errors.NotSupported("This worker only trains.")


if __name__ == "__main__":
    os._exit(serve("fake", descriptors, load, lambda params, progress: open_session(params, load_backend, progress)))
