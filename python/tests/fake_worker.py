"""A worker without ML packages, over the real wire and dispatch: it says what it is told, and fails on demand.

A token is a character, its id the code point; id 0 ends a text. A raw prompt (or the last message of a chat) is
echoed, unless it is a JSON object, which is a script:

    say       what to generate; default "ok"
    env       if true, the names of this process's environment variables are generated, one a line
    stepMs    time of one step; default 0
    after     how many tokens before the fault or the pause; default 0
    pause     if true, no more tokens come until the call is cancelled
    signal    fault: this process is killed by the signal
    exit      fault: this process exits with the code
    once      the fault happens only if this file does not exist yet; it is created
    raise     fault: the engine raises an exception with this text
    device    fault: an evaluation on the device raises an exception with this text
    gil       fault: native code holds the GIL for so many seconds
    close     fault: the wire is closed, and the process goes on
    hang      fault: the engine stops for good
    lose      fault: the call is forgotten without an answer
    wire      fault: this text is written to the wire as it is
    objects   fault: a notification with so many empty objects, three bytes each, is written to the wire
    stderr    text for the standard error, before the fault
    prepareUntil  the request is being prepared until this file exists
    flood     so many bytes for the standard error, before the fault

The model's source can be a script too: {"error": KIND} fails to load with that kind of error, {"exit": CODE} exits
while loading, {"loadMs": N, "loadSteps": M} takes N ms M times, {"until": FILE} waits until the file exists,
{"context": N} sets the context length, {"released": FILE, "releaseSeconds": N} makes the file when memory is released,
after N seconds. ``convert`` takes {"pause": true} (until it is cancelled), {"exit": CODE} and
{"error": KIND} as its model's source.
"""

import base64
import ctypes
import json
import os
import struct
import sys
import time

sys.path.insert(0, os.environ.get("MLX4J_PYTHON_DIR") or os.path.dirname(os.path.dirname(os.path.realpath(__file__))))

from mlx4j_worker import stdio

descriptors = stdio.claim()
del sys.argv[3:]  # no sandbox: scripts write files where tests name them

from mlx4j_worker import errors, failures  # noqa: E402
from mlx4j_worker.engine.generation import Generation, Prepared  # noqa: E402
from mlx4j_worker.main import serve  # noqa: E402
from mlx4j_worker.requests.generate import check_fits  # noqa: E402
from mlx4j_worker.text.prompts import Prompt  # noqa: E402

CONTEXT = 4096
VOCABULARY = 0x110000
EMBEDDINGS = {
    "pooling": ["mean"],
    "origin": "assumed",
    "modules": [],
    "prompts": {"query": "query: ", "document": ""},
    "defaultPrompt": None,
    "maxTokens": None,
}


def script_of(text):
    try:
        script = json.loads(text)
    except ValueError:
        script = None
    return script if isinstance(script, dict) else {"say": text}


def objects(count):
    return '{"jsonrpc":"2.0","method":"noise","params":[' + "{}," * count + "{}]}\n"


def write(text):
    rest = memoryview(text.encode())
    while rest:
        rest = rest[os.write(descriptors[1], rest) :]


class FakeEngine:
    def __init__(self, source, context):
        self._source = source
        self._context = context
        self._running = []  # [generation, script, tokens so far]

    @property
    def busy(self):
        return bool(self._running)

    def describe(self):
        return {
            "model": self._source,
            "device": "cpu",
            "contextLength": self._context,
            "vocabularySize": VOCABULARY,
            "chat": True,
            "concurrent": True,
            "capabilities": ["embeddings"],
            "format": "model",
            "base": None,
            "adapter": None,
            "experts": [],
            "dtype": "float32",
            "embeddings": EMBEDDINGS,
            "warnings": [],
            "samplingDefaults": {},
            "memory": {"activeBytes": 0, "peakBytes": 0},
            "packages": {},
        }

    def has(self, call):
        return any(entry[0].call is call for entry in self._running)

    def prompt(self, request, fits=False):
        if request.tokens is not None:
            return Prompt(request.tokens)
        return Prompt([ord(c) for c in (request.messages[-1]["content"] if request.messages else request.prompt)])

    def render(self, request):
        return "".join(f"{message['role']}: {message['content']}\n" for message in request.messages)

    def encode_texts(self, request):
        prompts = EMBEDDINGS["prompts"]
        if request.prompt_name is not None and request.prompt_name not in prompts:
            raise errors.InvalidRequest(f"The model has no prompt {request.prompt_name!r}.", f"It has {[*prompts]}.")
        prompt = prompts.get(request.prompt_name, "")
        return [prompt + text for text in request.texts]

    def encode_completion(self, completion):
        return [ord(c) for c in completion]

    def embed(self, call, texts):
        for i, text in enumerate(texts):
            vector = struct.pack("<2f", len(text), ord(text[0]))
            call.notify("embedding", {"index": i, "vector": base64.b64encode(vector).decode()})
        call.answer({"count": len(texts), "dimensions": 2, "promptTokens": sum(map(len, texts)), "truncated": 0})

    def memory(self):
        return {"activeBytes": 0, "peakBytes": 0, "cacheBytes": None}

    def logits(self, call, tokens):
        """Four logits for each token: the token itself, then 0, 1, 2."""
        for i, token in enumerate(tokens):
            values = base64.b64encode(struct.pack("<4f", token, 0, 1, 2)).decode()
            call.notify("positionLogits", {"index": i, "values": values})
        call.answer({"count": len(tokens), "vocabularySize": 4})

    def score(self, call, prompt, tokens):
        log_probs = [-float(i) for i in range(len(tokens))]
        call.answer({"promptTokens": len(prompt), "tokens": tokens, "logProbs": log_probs, "greedy": True})

    def encode_pairs(self, request):
        if request.query == "refuse":
            raise errors.NotSupported("This model is no reranker.", "Use one.")
        return [request.query + document for document in request.documents]

    def rerank(self, call, pairs):
        """The score of a document is its length with the query, of 100 characters."""
        scores = [len(pair) / 100 for pair in pairs]
        call.answer({"scores": scores, "probabilities": True, "promptTokens": sum(map(len, pairs))})

    def parameters(self):
        return [{"name": "echo.weight", "shape": [1, 2], "dtype": "float32"}]

    def check_actions(self):
        raise errors.InvalidRequest("There is no action head.")

    def prepare(self, request):
        prompt = self.prompt(request)
        script = script_of(request.prompt or "")
        while "prepareUntil" in script and not os.path.exists(script["prepareUntil"]):
            time.sleep(0.001)
        return Prepared(prompt, check_fits(request, prompt.tokens, VOCABULARY, self._context), None)

    def submit(self, call, request, prepared):
        text = "".join(map(chr, prepared.prompt.tokens))
        generation = Generation(
            call, request, prepared.prompt, prepared.max_tokens, {0}, lambda ids: "".join(map(chr, ids))
        )
        generation.started()
        script = script_of(text)
        if script.get("env"):
            script["say"] = "\n".join(sorted(os.environ))
        self._running.append([generation, script, 0])

    def step(self, _poll):
        for entry in list(self._running):
            generation, script, done = entry
            if generation.cancelled:
                generation.call.fail(errors.Cancelled("The request was cancelled."))
                self._running.remove(entry)
                continue
            time.sleep(script.get("stepMs", 0) / 1000)
            if script.get("pause") and done == script.get("after", 0):
                time.sleep(0.001)
                continue
            if done == script.get("after", 0):
                if "lose" in script:
                    generation.call._done(generation.call)
                    self._running.remove(entry)
                    continue
                self._fault(script)
            say = script.get("say", "ok")
            entry[2] += 1
            if generation.add(ord(say[done]) if done < len(say) else 0):
                if "invalid" in script:
                    generation.call.fail(errors.InvalidAnswer(script["invalid"], "Ask again."))
                else:
                    generation.answer()
                self._running.remove(entry)

    def _fault(self, script):
        if "once" in script:
            if os.path.exists(script["once"]):
                return
            open(script["once"], "w").close()
        if "stderr" in script:
            print(script["stderr"])  # stdout is stderr here, as in every worker
        if "flood" in script:
            print("e" * script["flood"])
        if "wire" in script or "objects" in script:
            write(script.get("wire") or objects(script["objects"]))
        if "raise" in script:
            raise RuntimeError(script["raise"])
        if "device" in script:
            with failures.checked("Ask for less."):
                raise RuntimeError(script["device"])
        if "signal" in script:
            os.kill(os.getpid(), script["signal"])
        if "exit" in script:
            os._exit(script["exit"])
        if "gil" in script:
            ctypes.PyDLL(None).sleep(script["gil"])
        if "close" in script:
            os.close(descriptors[1])
            time.sleep(10_000)
        if "hang" in script:
            time.sleep(10_000)


at_release = {}


def release():
    time.sleep(at_release.get("releaseSeconds", 0))
    if "released" in at_release:
        open(at_release["released"], "w").close()


def load(params, _options, progress):
    source = params["model"]["source"]
    script = script_of(source)
    at_release.update(script)
    steps = script.get("loadSteps", 1)
    for step in range(steps):
        progress("load", step, steps, "models")
        time.sleep(script.get("loadMs", 0) / 1000)
    while "until" in script and not os.path.exists(script["until"]):
        time.sleep(0.001)
    if "exit" in script:
        os._exit(script["exit"])
    if "error" in script:
        raise getattr(errors, script["error"])(f"{script['error']} on demand", "Ask for something else.")
    return FakeEngine(source, script.get("context", CONTEXT))


def convert(call, moved):
    script = script_of(call.params["model"]["source"])
    call.progress("load", 0, 1, "models")
    while script.get("pause"):
        moved()
        if call.cancelled:
            raise errors.Cancelled("The convert was cancelled.")
        time.sleep(0.001)
    if "exit" in script:
        os._exit(script["exit"])
    if "error" in script:
        raise getattr(errors, script["error"])(f"{script['error']} on demand", "Ask for something else.")
    call.progress("write", 0, 8, "bytes")
    proof = {"prompts": 1, "positions": 2, "maxDifference": 0.5, "meanDifference": 0.25, "meanDivergence": 0.125}
    proof |= {"argmaxAgreed": 1, "greedyTokens": 4, "greedyAgreed": 3, "weights": "quantized", "mlxLmDifference": None}
    proof |= {"relativeDifference": 0.05, "transformers": None}
    return {
        "folder": call.params["folder"],
        "source": call.params["model"]["source"],
        "adapter": None,
        "expert": None,
        "dtype": "float32",
        "bytes": 8,
        "sourceBytes": 32,
        "tensors": 1,
        "bitsPerWeight": 8.5,
        "quantization": {"bits": 8, "groupSize": 64, "mode": "affine"},
        "unquantized": [{"name": "lm_head", "reason": "too narrow"}],
        "verification": {**proof, "bound": {"of": "meanDivergence", "most": 3.5}},
        "warnings": ["look out"],
    }


if __name__ == "__main__":
    os._exit(serve("fake", descriptors, load, jobs={"convert": convert}, release=release))
