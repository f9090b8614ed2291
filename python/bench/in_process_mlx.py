"""mlx-lm as a Python program uses it: the baseline of scripts/bench on mlx (see in_process.py).

Arguments: a model (folder or hub id), and "stream" for stream_generate or "batch" for BatchGenerator.
"""

from mlx_lm import load, stream_generate
from mlx_lm.generate import BatchGenerator
from mlx_lm.sample_utils import make_sampler

from bench.in_process import Round, clock, encode, info, render, serve


class Mlx:
    def __init__(self, source, mode):
        self._source = source
        self._model, self._tokenizer = load(source)
        self._eos = self._tokenizer.eos_token_ids
        self._answer = self._stream if mode == "stream" else self._batch
        self._generator = self._new_generator() if mode == "batch" else None

    def _new_generator(self, **options):
        return BatchGenerator(self._model, stop_tokens=[[token] for token in self._eos], **options)

    def generate(self, requests, callers):
        round = Round(requests)
        samplers = {}
        for request in requests:  # those that ask for the same share a sampler
            samplers.setdefault(str(request["sampling"]), _sampler(request["sampling"]))
        chosen = [samplers[str(request["sampling"])] for request in requests]
        arrive_over_time = any(request["afterMs"] for request in requests)
        self._answer(round, requests, chosen, callers if arrive_over_time else len(requests))
        return round.to_json()

    def _stream(self, round, requests, samplers, _callers):
        for i, request in enumerate(requests):  # one after another: stream_generate knows no neighbours
            answer = round.answers[i]
            stream = stream_generate(
                self._model, self._tokenizer, request["prompt"], max_tokens=request["maxTokens"], sampler=samplers[i]
            )
            for response in stream:
                if response.token not in self._eos:
                    answer.add(response.token, response.text)
                else:
                    answer.text += response.text
            answer.finish()

    def _batch(self, round, requests, samplers, callers):
        running = {}  # numbers of requests and detokenizers, by uid
        while running or round.waiting:
            joining = round.take(callers - len(running), wait=not running)
            uids = self._generator.insert(
                [encode(self._tokenizer, requests[i]["prompt"]) for i in joining],
                max_tokens=[requests[i]["maxTokens"] for i in joining],
                samplers=[samplers[i] for i in joining],
            )
            # .detokenizer is a new one each time it is read
            running.update((uid, (i, self._tokenizer.detokenizer)) for uid, i in zip(uids, joining, strict=True))
            _, responses = self._generator.next()
            for response in responses:
                number, detokenizer = running[response.uid]
                answer = round.answers[number]
                if response.finish_reason != "stop":
                    detokenizer.add_token(response.token)
                    answer.add(response.token, detokenizer.last_segment)
                if response.finish_reason is not None:
                    detokenizer.finalize()
                    answer.finish(detokenizer.last_segment)
                    del running[response.uid]

    def beside(self, decoder, prompt, chunk):
        """How long each call of ``next`` takes while a prompt is prefilled in such chunks beside a decoder.

        Each is one step of the decoder and one chunk of the prefill; the last one is the step that joins them.
        """
        generator = self._new_generator(prefill_step_size=chunk)
        generator.insert([encode(self._tokenizer, decoder)], max_tokens=[2000])
        for _ in range(30):
            generator.next()
        (uid,) = generator.insert([encode(self._tokenizer, prompt)], max_tokens=[1])
        times, responses = [], []
        while all(response.uid != uid for response in responses):
            begun = clock()
            _, responses = generator.next()
            times.append(clock() - begun)
        generator.close()
        return times

    def count(self, text):
        return len(encode(self._tokenizer, text))

    def render(self, turns):
        return render(self._tokenizer, self._tokenizer.has_chat_template, turns)

    def info(self):
        return info(self._source, **{"mlx": "mlx", "mlx-lm": "mlx-lm"})


def _sampler(sampling):
    return make_sampler(temp=sampling["temperature"], top_p=sampling["topP"], top_k=sampling["topK"])


serve(Mlx)
