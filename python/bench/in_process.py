"""mlx-lm as a Python program uses it: the baseline of scripts/bench, driven by one JSON object a line.

Arguments: a model (folder or hub id), and "stream" for stream_generate or "batch" for BatchGenerator. Every line of
stdin is answered by one line on stdout. Times are nanoseconds since the request was taken up, encoding included.
"""

import json
import os
import sys
import time
from importlib.metadata import version

from mlx_lm import load, stream_generate
from mlx_lm.generate import BatchGenerator

CLOCK = time.perf_counter_ns


class Answer:
    """One answer of a batch, with a detokenizer, as everyone who shows text must have."""

    def __init__(self, tokenizer):
        self._detokenizer = tokenizer.detokenizer  # a new one each time it is read
        self.tokens, self.times, self.text, self.end = [], [], "", 0

    def add(self, token, at):
        self._detokenizer.add_token(token)
        self.tokens.append(token)
        self.text += self._detokenizer.last_segment
        self.times.append(at)

    def finish(self, at):
        self._detokenizer.finalize()
        self.text += self._detokenizer.last_segment
        self.end = at

    def to_json(self):
        return {"tokens": self.tokens, "text": self.text, "times": self.times, "end": self.end}


class InProcess:
    def __init__(self, source, mode):
        self._source = source
        self._model, self._tokenizer = load(source)
        self._eos = self._tokenizer.eos_token_ids
        self._answer = self._stream if mode == "stream" else self._batch
        self._generator = self._new_generator() if mode == "batch" else None

    def _new_generator(self, **options):
        return BatchGenerator(self._model, stop_tokens=[[token] for token in self._eos], **options)

    def generate(self, prompts, max_tokens):
        return self._answer(prompts, max_tokens)

    def _stream(self, prompts, max_tokens):
        answers = []
        for prompt in prompts:  # one after another: stream_generate knows no neighbours
            begun = CLOCK()
            one = {"tokens": [], "times": [], "text": ""}
            for response in stream_generate(self._model, self._tokenizer, prompt, max_tokens=max_tokens):
                one["text"] += response.text
                if response.token not in self._eos:
                    one["tokens"].append(response.token)
                    one["times"].append(CLOCK() - begun)
            answers.append({**one, "end": CLOCK() - begun})
        return answers

    def _batch(self, prompts, max_tokens):
        begun = CLOCK()
        uids = self._generator.insert([self._encode(p) for p in prompts], max_tokens=[max_tokens] * len(prompts))
        answers = {uid: Answer(self._tokenizer) for uid in uids}
        running = set(uids)
        while running:
            _, responses = self._generator.next()
            for response in responses:
                if response.finish_reason != "stop":
                    answers[response.uid].add(response.token, CLOCK() - begun)
                if response.finish_reason is not None:
                    answers[response.uid].finish(CLOCK() - begun)
                    running.remove(response.uid)
        return [answers[uid].to_json() for uid in uids]

    def beside(self, decoder, prompt, chunk):
        """How long each call of ``next`` takes while a prompt is prefilled in such chunks beside a decoder.

        Each is one step of the decoder and one chunk of the prefill; the last one is the step that joins them.
        """
        generator = self._new_generator(prefill_step_size=chunk)
        generator.insert([self._encode(decoder)], max_tokens=[2000])
        for _ in range(30):
            generator.next()
        (uid,) = generator.insert([self._encode(prompt)], max_tokens=[1])
        times, responses = [], []
        while all(response.uid != uid for response in responses):
            begun = CLOCK()
            _, responses = generator.next()
            times.append(CLOCK() - begun)
        generator.close()
        return times

    def count(self, text):
        return len(self._encode(text))

    def render(self, turns):
        """The text of a chat whose turns are the user's and the assistant's, in turn."""
        roles = ("user", "assistant")
        messages = [{"role": roles[i % 2], "content": turn} for i, turn in enumerate(turns)]
        if not self._tokenizer.has_chat_template:
            return "\n".join(turns)
        return self._tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)

    def info(self):
        revision = ""
        if not os.path.isdir(self._source):
            from huggingface_hub import snapshot_download

            revision = os.path.basename(snapshot_download(self._source, local_files_only=True))
        packages = ("mlx", "mlx-lm", "transformers")
        return {"revision": revision, "python": sys.version.split()[0], **{name: version(name) for name in packages}}

    def _encode(self, text):
        bos = self._tokenizer.bos_token
        return self._tokenizer.encode(text, add_special_tokens=bos is None or not text.startswith(bos))


def main():
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a library prints is no answer
    arm = InProcess(*sys.argv[1:3])
    print("{}", file=out, flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        print(json.dumps(getattr(arm, request.pop("do"))(**request)), file=out, flush=True)


main()
