"""What the baselines of scripts/bench share: a protocol of one JSON object a line, and answers with times.

Every line of stdin is answered by one line on stdout. Times are nanoseconds since a request arrived, encoding included.
A request has ``prompt``, ``maxTokens``, ``sampling`` (``temperature``, ``topP``, ``topK``) and ``afterMs``, when it
arrives after the start of its round. ``callers`` is how many requests a round answers at once if they arrive over time.
"""

import json
import os
import sys
import time
from importlib.metadata import version

clock = time.perf_counter_ns


class Answer:
    """One answer while it is generated."""

    def __init__(self, arrived):
        self._arrived = arrived
        self.tokens, self.times, self.text, self.end = [], [], "", 0

    def add(self, token, text):
        self.tokens.append(token)
        self.text += text
        self.times.append(clock() - self._arrived)

    def finish(self, text=""):
        self.text += text
        self.end = clock() - self._arrived

    def to_json(self):
        return {"tokens": self.tokens, "text": self.text, "times": self.times, "end": self.end}


class Round:
    """The requests of a round, as they arrive."""

    def __init__(self, requests):
        self.begun = clock()
        self._waiting = sorted(range(len(requests)), key=lambda i: requests[i]["afterMs"])
        self._arrivals = [self.begun + request["afterMs"] * 1_000_000 for request in requests]
        self._requests = requests
        self.answers = [Answer(arrival) for arrival in self._arrivals]

    @property
    def waiting(self):
        return bool(self._waiting)

    def take(self, most, wait):
        """The numbers of up to ``most`` requests that have arrived; ``wait`` for the next one if there are none."""
        if wait and self._waiting:
            time.sleep(max(0, self._arrivals[self._waiting[0]] - clock()) / 1e9)
        now = clock()
        taken = [i for i in self._waiting[:most] if self._arrivals[i] <= now]
        self._waiting = self._waiting[len(taken) :]
        return taken

    def to_json(self):
        return {"answers": [answer.to_json() for answer in self.answers], "nanos": clock() - self.begun}


def render(tokenizer, has_template, turns):
    """The text of a chat whose turns are the user's and the assistant's, in turn."""
    roles = ("user", "assistant")
    messages = [{"role": roles[i % 2], "content": turn} for i, turn in enumerate(turns)]
    if not has_template:
        return "\n".join(turns)
    return tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)


def encode(tokenizer, text):
    bos = tokenizer.bos_token
    return tokenizer.encode(text, add_special_tokens=bos is None or not text.startswith(bos))


def info(source, **packages):
    """Facts about the run: Python's version, those of packages by a name to show, and the revision of a hub model."""
    revision = ""
    if not os.path.isdir(source):
        from huggingface_hub import snapshot_download

        revision = os.path.basename(snapshot_download(source, local_files_only=True))
    versions = {name: version(package) for name, package in packages.items()}
    return {"revision": revision, "Python": sys.version.split()[0], **versions}


def serve(arm):
    """Calls the method that each line names in ``do`` of what ``arm`` makes of the arguments, until stdin ends."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a library prints is no answer
    made = arm(*sys.argv[1:3])
    print("{}", file=out, flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        print(json.dumps(getattr(made, request.pop("do"))(**request)), file=out, flush=True)
