"""An engine in this process, and calls that remember what they were sent. For tests inside a worker's environment."""

import base64
import json
import logging
import struct
import time
from pathlib import Path

from mlx4j_worker.errors import WorkerError
from mlx4j_worker.requests import Options, parse_embed, parse_generate

MODEL = Path(__file__).resolve().parents[2] / "src" / "test" / "resources" / "models" / "tiny-chat"
KNOWN = [json.loads(line) for line in (MODEL / "test-prompts.jsonl").read_text(encoding="utf-8").splitlines()]
logging.getLogger("mlx4j").addHandler(logging.NullHandler())  # faults on demand are no news

STORY = "Tell me a long story"


def known(question):
    """The known answer to a question, as the model gave it when it was made."""
    return next(one for one in KNOWN if one["messages"][-1]["content"] == question)


class Call:
    """Stands in for dispatch.Call."""

    def __init__(self):
        self.received = time.monotonic()
        self.cancelled = False
        self.notes = []  # (method, params)
        self.result = self.error = None

    @property
    def ended(self):
        return self.result is not None or self.error is not None

    def answer(self, result):
        assert not self.ended
        self.result = result

    def fail(self, error):
        assert not self.ended
        self.error = error

    def notify(self, method, params):
        assert not self.ended
        self.notes.append((method, json.loads(json.dumps(params, allow_nan=False))))

    def progress(self, phase, done, total, unit):
        self.notes.append(("progress", {"phase": phase, "done": done, "total": total, "unit": unit}))

    def _chunks(self):
        return [params for method, params in self.notes if method == "chunk"]

    @property
    def tokens(self):
        return [token for chunk in self._chunks() for token in chunk["tokens"]]

    @property
    def log_probs(self):
        return [one for chunk in self._chunks() for one in chunk["logProbs"]]

    def text(self, kind="text"):
        assert [chunk["seq"] for chunk in self._chunks()] == list(range(len(self._chunks())))
        return "".join(chunk["text"] for chunk in self._chunks() if chunk["kind"] == kind)

    @property
    def vectors(self):
        found = [base64.b64decode(params["vector"]) for method, params in self.notes if method == "embedding"]
        return [list(struct.unpack(f"<{len(data) // 4}f", data)) for data in found]


class Lab:
    """One engine and what is done with it."""

    def __init__(self, load, folder=MODEL, **options):
        params = {"model": {"source": str(folder)}}
        self.engine = load(params, Options(**options), lambda *_: None)

    def start(self, question=None, **params):
        """Submits a request; what is wrong with it is the call's error."""
        if question is not None:
            params["messages"] = [{"role": "user", "content": question}]
        call = Call()
        try:
            self.engine.submit(call, parse_generate({"maxTokens": 800, **params}))
        except WorkerError as error:
            call.fail(error)
        return call

    def embed(self, *texts):
        call = Call()
        try:
            self.engine.embed(call, parse_embed({"texts": list(texts)}))
        except WorkerError as error:
            call.fail(error)
        return call

    def step(self, times=1):
        for _ in range(times):
            self.engine.step(lambda: None)

    def finish(self, *calls):
        """Works until these calls have ended, or all."""
        while self.engine.busy and not (calls and all(call.ended for call in calls)):
            self.step()
        assert all(call.ended for call in calls)
        return calls[0] if len(calls) == 1 else calls

    def ask(self, question=None, **params):
        """A request, to its end."""
        return self.finish(self.start(question, **params))
