"""transformers as a Python program uses it: the baseline of scripts/bench on hf (see in_process.py).

Arguments: a model (folder or hub id), and "stream" for generate() with a streamer or "batch" for generate() of padded
batches, one after another.
"""

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig
from transformers.generation import StoppingCriteria, TextStreamer

from bench.in_process import Round, encode, info, render, serve


class Streamer(TextStreamer):
    """Adds each token but the end token, and the text that it completes, to an answer."""

    def __init__(self, tokenizer, answer, eos):
        super().__init__(tokenizer, skip_prompt=True, skip_special_tokens=True)
        self._answer = answer
        self._eos = eos
        self._text = ""

    def on_finalized_text(self, text, stream_end=False):
        self._text += text

    def put(self, value):
        generated = not self.next_tokens_are_prompt
        super().put(value)
        if generated and value.item() not in self._eos:
            self._answer.add(value.item(), self._text)
            self._text = ""

    def end(self):
        super().end()
        self._answer.finish(self._text)


class Times(StoppingCriteria):
    """Adds the tokens of a batch to its answers after each step, until each has its length; it stops nothing."""

    def __init__(self, answers, lengths, eos):
        self._rows = list(zip(answers, lengths, strict=True))
        self._eos = eos
        self._ended = set()

    def __call__(self, input_ids, scores, **kwargs):
        for i, token in enumerate(input_ids[:, -1].tolist()):
            answer, length = self._rows[i]
            if token in self._eos:
                self._ended.add(i)
            if i not in self._ended and len(answer.tokens) < length:
                answer.add(token, "")
        return torch.zeros(len(self._rows), dtype=torch.bool, device=input_ids.device)


class Hf:
    def __init__(self, source, mode):
        self._source = source
        self._tokenizer = AutoTokenizer.from_pretrained(source, padding_side="left")
        self._model = AutoModelForCausalLM.from_pretrained(source, dtype="auto").eval()
        self._model.to("cuda" if torch.cuda.is_available() else "cpu")
        if self._tokenizer.pad_token is None:
            self._tokenizer.pad_token = self._tokenizer.eos_token
        eos = self._model.generation_config.eos_token_id
        self._eos = set(eos if isinstance(eos, list) else [eos])
        self._model.generation_config = GenerationConfig(eos_token_id=eos)  # without the author's defaults
        self._answer = self._stream if mode == "stream" else self._batches

    def generate(self, requests, callers):
        round = Round(requests)
        arrive_over_time = any(request["afterMs"] for request in requests)
        with torch.inference_mode():
            self._answer(round, requests, callers if arrive_over_time else len(requests))
        return round.to_json()

    def _stream(self, round, requests, _callers):
        for i, request in enumerate(requests):
            ids = torch.tensor([encode(self._tokenizer, request["prompt"])], device=self._model.device)
            self._model.generate(
                ids,
                attention_mask=torch.ones_like(ids),
                max_new_tokens=request["maxTokens"],
                pad_token_id=self._tokenizer.pad_token_id,
                streamer=Streamer(self._tokenizer, round.answers[i], self._eos),
                **_sampling(request["sampling"]),
            )

    def _batches(self, round, requests, callers):
        while round.waiting:
            batch = round.take(callers, wait=True)
            ids = [encode(self._tokenizer, requests[i]["prompt"]) for i in batch]
            padded = self._tokenizer.pad({"input_ids": ids}, return_tensors="pt").to(self._model.device)
            answers = [round.answers[i] for i in batch]
            lengths = [requests[i]["maxTokens"] for i in batch]
            self._model.generate(
                **padded,
                max_new_tokens=max(lengths),
                pad_token_id=self._tokenizer.pad_token_id,
                stopping_criteria=[Times(answers, lengths, self._eos)],
                **_sampling(requests[batch[0]]["sampling"]),  # one for all
            )
            for answer in answers:
                answer.finish(self._tokenizer.decode(answer.tokens, skip_special_tokens=True))

    def count(self, text):
        return len(encode(self._tokenizer, text))

    def render(self, turns):
        return render(self._tokenizer, self._tokenizer.chat_template is not None, turns)

    def info(self):
        return info(self._source, **{"torch": "torch", "transformers": "transformers"})


def _sampling(sampling):
    if not sampling["temperature"]:
        return {"do_sample": False}
    return {
        "do_sample": True,
        "temperature": sampling["temperature"],
        "top_p": sampling["topP"],
        "top_k": sampling["topK"],
    }


serve(Hf)
