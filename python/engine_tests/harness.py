"""What the tests of the engines share: a call that records, the model of the tests, and requests as on the wire."""

import base64
import json
import logging
import shutil
import time
from contextlib import nullcontext
from pathlib import Path
from unittest import mock

import numpy

from mlx4j_worker.engine.prefill_chunks import ChunkSize
from mlx4j_worker.errors import WorkerError
from mlx4j_worker.requests.generate import parse_generate
from mlx4j_worker.requests.options import parse_options
from mlx4j_worker.requests.prompt import parse_score
from mlx4j_worker.requests.texts import parse_embed, parse_rerank, parse_texts

MODEL = Path(__file__).resolve().parents[2] / "src/test/resources/models/tiny-chat"
KNOWN = [json.loads(line) for line in (MODEL / "test-prompts.jsonl").read_text(encoding="utf-8").splitlines()]
STORY = "Tell me a long story"
SCHEMA = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 20},
        "age": {"type": "integer", "minimum": 0, "maximum": 150},
        "tags": {"type": "array", "items": {"enum": ["a", "b"]}, "minItems": 1, "maxItems": 3},
    },
    "required": ["name", "age", "tags"],
    "additionalProperties": False,
}

logging.getLogger("mlx4j").addHandler(logging.NullHandler())  # faults on demand are no news


class Call:
    """A call.Call whose messages stay here."""

    def __init__(self):
        self.id = "1"
        self.received = time.monotonic()
        self.cancelled = False
        self.notes = []  # (method, params)
        self.result = self.error = None

    def answer(self, result):
        self._end(result)
        self.result = result

    def fail(self, error):
        self._end(error.to_json())
        self.error = error

    def later(self, work):
        work()

    def notify(self, method, params):
        assert self.result is None and self.error is None, f"{method} after the answer"
        json.dumps(params, allow_nan=False)
        self.notes.append((method, params))

    def batch(self):
        return nullcontext()

    def progress(self, phase, done, total, unit):
        self.notify("progress", {"phase": phase, "done": done, "total": total, "unit": unit})

    def _end(self, message):
        assert self.result is None and self.error is None, "a second answer"
        json.dumps(message, allow_nan=False)

    @property
    def ended(self):
        return self.result is not None or self.error is not None

    def sent(self, method):
        """The params of its notifications of one method."""
        return [params for one, params in self.notes if one == method]

    def _text(self, kind):
        return "".join(chunk["text"] for chunk in self.sent("chunk") if chunk["kind"] == kind)

    @property
    def text(self):
        return self._text("text")

    @property
    def thinking(self):
        return self._text("thinking")

    @property
    def tokens(self):
        return [token for chunk in self.sent("chunk") for token in chunk["tokens"]]

    @property
    def log_probs(self):
        return [one for chunk in self.sent("chunk") for one in chunk["logProbs"]]

    @property
    def vectors(self):
        return [numpy.frombuffer(base64.b64decode(e["vector"]), dtype="<f4") for e in self.sent("embedding")]


def load(load_engine, model=MODEL, **options):
    """An engine, with options as on the wire."""
    return load_engine({"model": {"source": str(model)}}, parse_options({"options": options}), lambda *_: None)


def refusal(error):
    """The verdict of a load that raised this error."""
    return error.kind, str(error), error.hint


def judged(loading):
    """The load function of an engine's module ``loading``, which also compares the verdict of its dry load.

    A load on a named device is not compared: a dry load has no device.
    """

    def load_engine(params, options, progress):
        if options.device != "auto":
            return loading.load(params, options, progress)
        try:
            dry = ("loads", *loading.dry_load(params, options, progress).describe()["warnings"])
        except WorkerError as error:
            dry = refusal(error)
        try:
            engine = loading.load(params, options, progress)
        except WorkerError as error:
            assert dry == refusal(error), f"a dry load says {dry}, but loading {refusal(error)}"
            raise
        found = ("loads", *engine.describe()["warnings"])
        assert dry == found, f"a dry load says {dry}, but loading {found}"
        return engine

    return load_engine


def run(engine, poll=lambda: None):
    """Steps until nothing is left to do, with a call of ``poll`` before each step."""
    while engine.busy:
        poll()
        engine.step(poll)


def one_part_a_step():
    """Patches engines so that a step does one chunk of prefill or one part of other work at most."""
    return mock.patch.object(ChunkSize, "SECONDS", 0)


def submit(engine, question=None, **params):
    """Queues a request: a question for the chat, or other params as on the wire. Returns its Call."""
    if question is not None:
        params["messages"] = [{"role": "user", "content": question}]
    call = Call()
    request = parse_generate({"maxTokens": 300, **params})
    engine.submit(call, request, engine.prepare(request))
    return call


def submit_texts(engine, *texts, **params):
    """Queues texts to embed, with other params as on the wire, and returns their Call."""
    call = Call()
    engine.embed(call, engine.encode_texts(parse_embed({"texts": [*texts], **params})))
    return call


def submit_score(engine, call, params):
    """Queues a score, with params as on the wire."""
    request, completion = parse_score(params)
    engine.score(call, engine.prompt(request).tokens, engine.encode_completion(completion))


def submit_rerank(engine, query, documents, **params):
    """Queues documents to rerank, with params as on the wire. Returns its Call."""
    call = Call()
    engine.rerank(call, engine.encode_pairs(parse_rerank({"query": query, "documents": documents, **params})))
    return call


def submit_classification(engine, call, *texts):
    """Queues texts to classify."""
    engine.check_actions()
    engine.classify_actions(call, engine.encode_actions(parse_texts({"texts": [*texts]})))


def generate(engine, question=None, **params):
    """``submit``, and all of what there is to do; the request must not fail."""
    call = submit(engine, question, **params)
    run(engine)
    if call.error:
        raise call.error
    return call


class Lab:
    """An engine that works step by step, so that requests can come, go and fail in between."""

    def __init__(self, load_engine, model=MODEL, **options):
        self.engine = load(load_engine, model, **options)

    def start(self, question=None, **params):
        """Queues a request. What is wrong with it is its call's error."""
        return self._queued(lambda: submit(self.engine, question, **{"maxTokens": 800, **params}))

    def embed(self, *texts):
        return self._queued(lambda: submit_texts(self.engine, *texts))

    def step(self, times=1):
        for _ in range(times):
            self.engine.step(lambda: None)

    def finish(self, *calls):
        """Steps until these calls have ended."""
        while not all(call.ended for call in calls):
            assert self.engine.busy, "a call was lost"
            self.step()
        return calls[0] if len(calls) == 1 else calls

    def ask(self, question=None, **params):
        """A request, to its end."""
        return self.finish(self.start(question, **params))

    def _queued(self, queue):
        try:
            return queue()
        except WorkerError as error:
            refused = Call()
            refused.fail(error)
            return refused


def known(question):
    """The record of a question whose greedy answer is known."""
    return next(record for record in KNOWN if record["messages"][-1]["content"] == question)


def known_prompts():
    """(params of generate, the record) of each prompt whose greedy answer is known."""
    for record in KNOWN:
        params = {"messages": [_message(message) for message in record["messages"]]}
        if "tools" in record:
            params["tools"] = [tool["function"] for tool in record["tools"]]
        yield params, record


def _message(message):
    if message["role"] == "tool":
        return {**message, "toolCallId": "call_0"}
    calls = [{"id": f"call_{i}", **call["function"]} for i, call in enumerate(message.get("tool_calls", []))]
    return {"role": message["role"], "content": message["content"], **({"toolCalls": calls} if calls else {})}


def changed_model(folder, **files):
    """A copy of the model in ``folder`` with other content in some files; in the names, _ stands for the dot."""
    copy = Path(shutil.copytree(MODEL, folder / "model"))
    for name, content in files.items():
        path = copy / ".".join(name.rsplit("_", 1))
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return copy
