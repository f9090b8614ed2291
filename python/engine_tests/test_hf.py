"""The hf engine with a real model: python -m unittest engine_tests.test_hf, in the hf worker's environment."""

import json
import math
import re
import tempfile
import unittest
from collections import Counter
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import torch
from transformers import Gemma3ForCausalLM, Gemma3TextConfig, MambaConfig, MambaForCausalLM

from engine_tests.harness import (
    MODEL,
    SCHEMA,
    Lab,
    changed_model,
    generate,
    known,
    known_prompts,
    load,
    one_part_a_step,
    run,
    submit,
    submit_texts,
)
from engine_tests.tolerance import tolerance
from mlx4j_worker import failures
from mlx4j_worker.engine import scheduler
from mlx4j_worker.engine.row import Row
from mlx4j_worker.errors import Cancelled, ContextOverflow, EngineFailed, InvalidAnswer, InvalidRequest, OutOfMemory
from mlx4j_worker.failures import DeviceFailed
from mlx4j_worker.hf import loading
from mlx4j_worker.hf.sampling import BatchSampler
from mlx4j_worker.requests.generate import SamplingParams
from mlx4j_worker.requests.prompt import parse_prompt
from mlx4j_worker.text.formats import CallFormat
from mlx4j_worker.text.grammar import Constraint

STORY = "Tell me a long story"
HELLO = "Say 'Hello World'"
END = 2
WILD = {"temperature": 3, "seed": 3}
WEATHER = {
    "name": "getWeather",
    "description": "Returns the weather in a city",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string", "description": "the city"}},
        "required": ["city"],
    },
}


torch.set_num_threads(1)  # for so small a model more of them only wait for each other
engine = load(loading.load)


def logits_after(tokens, n):
    """The model's logits [n, vocabulary] for the last n tokens and the one that comes next."""
    with torch.inference_mode():
        return engine._model(torch.tensor([tokens])).logits[0, -n:].float()


def steps(call, **prompt):
    """(the tokens so far, the logits, the token chosen) of each step of an answer."""
    before = engine.prompt(parse_prompt(prompt, ("messages", "prompt"))).tokens
    tokens = call.tokens
    logits = logits_after(before + tokens[:-1], len(tokens))
    return [(tokens[:i], logits[i].clone(), token) for i, token in enumerate(tokens)]


def user(question):
    return [{"role": "user", "content": question}]


class Greedy(unittest.TestCase):
    def test_known_prompts(self):
        for params, record in known_prompts():
            with self.subTest(record["text"]):
                call = generate(engine, **params, maxTokens=1000)
                self.assertEqual(record["tokens"], call.tokens)
                self.assertEqual(len(record["tokens"]) + 1, call.result["usage"]["completionTokens"])
                calls = [{k: c[k] for k in ("name", "arguments")} for c in call.result["toolCalls"]]
                thinking = f"<think>{call.thinking}</think>" if call.thinking else ""
                written = "".join(f"<tool_call>{json.dumps(c)}</tool_call>" for c in calls)
                self.assertEqual(record["text"], thinking + call.text + written)
                self.assertEqual("toolCalls" if calls else "stop", call.result["finishReason"])

    def test_max_tokens_and_stop(self):
        call = generate(engine, STORY, maxTokens=5)
        self.assertEqual(("length", 5), (call.result["finishReason"], len(call.tokens)))
        call = generate(engine, HELLO, stop=["o W"])
        self.assertEqual(("stop", "o W", "Hell"), (call.result["finishReason"], call.result["stop"], call.text))

    def test_the_context_ends_an_answer(self):
        call = generate(engine, tokens=[5] * 4090, sampling={"logitBias": {str(END): -100}})
        self.assertEqual(("length", 6), (call.result["finishReason"], len(call.tokens)))
        with self.assertRaises(ContextOverflow):
            submit(engine, tokens=[5] * 4096)

    def test_a_long_prompt_is_prefilled_in_chunks(self):
        prompt = engine._tokenizer.encode("Once upon a time there was a little lighthouse. " * 130)
        self.assertGreater(len(prompt), 1024)
        call = generate(engine, tokens=prompt, maxTokens=4, logProbs=1)
        self.assertEqual(64, call.sent("progress")[0]["done"])
        self.assertEqual(len(prompt), call.sent("progress")[0]["total"])
        every = logits_after(prompt + call.tokens[:-1], 4).log_softmax(-1)
        self.assertEqual(every.argmax(-1).tolist(), call.tokens)
        for step, reported in enumerate(call.log_probs):
            self.assertAlmostEqual(float(every[step].max()), reported["logProb"], delta=tolerance(1e-3))


class LogProbs(unittest.TestCase):
    def test_they_are_the_models_own(self):
        for sampling in ({}, WILD, {"logitBias": {"5": 100}, "repetitionPenalty": 2}, {**WILD, "topK": 2}):
            with self.subTest(sampling):
                call = generate(engine, STORY, sampling=sampling, logProbs=5, maxTokens=30)
                self.assertEqual(len(call.tokens), len(call.log_probs))
                for (so_far, logits, token), reported in zip(
                    steps(call, messages=user(STORY)), call.log_probs, strict=True
                ):
                    every = logits.log_softmax(0)
                    self.assertAlmostEqual(float(every[token]), reported["logProb"], delta=tolerance(1e-3))
                    self.assertEqual(every.topk(5).indices.tolist(), [top["token"] for top in reported["top"]])
                    for top in reported["top"]:
                        self.assertAlmostEqual(float(every[top["token"]]), top["logProb"], delta=tolerance(1e-3))
                        before, whole = engine._decode(so_far), engine._decode([*so_far, top["token"]])
                        before = before if whole.startswith(before) else before.rstrip("\ufffd")
                        self.assertEqual(before + top["text"], whole)

    def test_none_of_the_others(self):
        call = generate(engine, HELLO, logProbs=0)
        self.assertEqual([[], []], [one["top"] for one in call.log_probs])
        self.assertNotIn("logProbs", generate(engine, HELLO).sent("chunk")[0])


class Penalties(unittest.TestCase):
    """Greedy answers that can't end, against the same adjustments made by hand."""

    PROMPT = "The sea and the sky"

    def check(self, sampling, adjust):
        call = self.answer(sampling)
        prompt = engine._tokenizer.encode(self.PROMPT)
        for before, logits, token in steps(call, prompt=self.PROMPT):
            adjust(logits, prompt, Counter(before))
            logits[END] -= 100
            self.assertEqual(int(logits.argmax()), token)
        self.assertEqual(60, len(call.tokens))
        self.assertNotEqual(self.answer({}).tokens, call.tokens)

    def answer(self, sampling):
        bias = {**sampling.get("logitBias", {}), str(END): -100}
        return generate(engine, prompt=self.PROMPT, sampling={**sampling, "logitBias": bias}, maxTokens=60)

    @staticmethod
    def repetition(logits, prompt, counts):
        for token in {*prompt, *counts}:
            logits[token] = logits[token] / 1.7 if logits[token] > 0 else logits[token] * 1.7

    @staticmethod
    def presence(logits, _prompt, counts):
        for token in counts:
            logits[token] -= 3.5

    @staticmethod
    def frequency(logits, _prompt, counts):
        for token, n in counts.items():
            logits[token] -= 1.5 * n

    @staticmethod
    def bias(logits, _prompt, _counts):
        logits[300] += 6.25
        logits[16] -= 100

    def test_repetition(self):
        self.check({"repetitionPenalty": 1.7}, self.repetition)

    def test_presence(self):
        self.check({"presencePenalty": 3.5}, self.presence)

    def test_frequency(self):
        self.check({"frequencyPenalty": 1.5}, self.frequency)

    def test_bias(self):
        self.check({"logitBias": {"300": 6.25, "16": -100}}, self.bias)

    def test_all_in_their_order(self):
        def every(logits, prompt, counts):
            for adjust in (self.repetition, self.presence, self.frequency, self.bias):
                adjust(logits, prompt, counts)

        given = {"repetitionPenalty": 1.7, "presencePenalty": 3.5, "frequencyPenalty": 1.5}
        self.check({**given, "logitBias": {"300": 6.25, "16": -100}}, every)

    def test_a_bias_outside_the_vocabulary_is_refused(self):
        with self.assertRaisesRegex(InvalidRequest, "logitBias has the token id 1024"):
            submit(engine, HELLO, sampling={"logitBias": {"1024": 1}})


class Sampled(unittest.TestCase):
    def kept(self, log_probs, top_p=1.0, min_p=0.0, top_k=0):
        """The set to draw from, by hand."""
        order = log_probs.argsort(descending=True).tolist()
        probs = log_probs.exp().tolist()
        mass, kept = 0.0, []
        for token in order:
            if mass >= top_p:
                break
            kept.append(token)
            mass += probs[token]
        kept = [token for token in kept if probs[token] >= min_p * probs[order[0]]]
        return kept[:top_k] if top_k else kept

    def test_each_draw_is_from_the_set(self):
        for options in (
            {"topK": 3},
            {"topP": 0.9},
            {"minP": 0.02},
            {"topP": 0.97, "minP": 0.001, "topK": 4},
        ):
            with self.subTest(options):
                own = {"top_k": options.get("topK", 0), "top_p": options.get("topP", 1.0)}
                own["min_p"] = options.get("minP", 0.0)
                sampling = {"temperature": 20, "seed": 1, "logitBias": {str(END): -100}, **options}
                call = generate(engine, prompt="The", sampling=sampling, maxTokens=80)
                others = 0
                for _, logits, token in steps(call, prompt="The"):
                    logits[END] -= 100
                    self.assertIn(token, self.kept(logits.log_softmax(0), **own))
                    others += token != int(logits.argmax())
                self.assertGreater(others, 5)

    def test_the_distribution(self):
        torch.manual_seed(5)
        logits = torch.randn(50) * 2
        for given in (
            SamplingParams(temperature=1.0),
            SamplingParams(temperature=2.0, top_k=5),
            SamplingParams(temperature=0.5, top_p=0.8),
            SamplingParams(temperature=1.5, min_p=0.1),
            SamplingParams(temperature=1.5, top_p=0.95, min_p=0.02, top_k=6),
        ):
            with self.subTest(given):
                sampling = replace(given, seed=7).filled(SamplingParams())
                request = SimpleNamespace(log_probs=None)
                fake = SimpleNamespace(
                    sampling=sampling, request=request, prompt_tokens=[], tokens=[], constrained=False
                )
                choice, rows = BatchSampler(), [SimpleNamespace(generation=fake, seed=7)]
                for _ in range(4000):
                    fake.tokens.append(choice.draw(logits[None], rows).tokens.item())
                drawn = Counter(fake.tokens)
                log_probs = logits.log_softmax(0)
                kept = self.kept(log_probs, sampling.top_p, sampling.min_p, sampling.top_k)
                expected = (log_probs[kept] / sampling.temperature).softmax(0)
                self.assertLessEqual(drawn.keys(), {*kept})
                for token, probability in zip(kept, expected.tolist(), strict=True):
                    spread = math.sqrt(probability * (1 - probability) / 4000)
                    self.assertAlmostEqual(probability, drawn[token] / 4000, delta=5 * spread + 1e-3)

    def test_logits_are_left_alone(self):
        logits = torch.zeros(10)
        sampling = SamplingParams(repetition_penalty=2.0, logit_bias={3: 5.0}).filled(SamplingParams())
        request = SimpleNamespace(log_probs=1, cache_salt=None)
        fake = SimpleNamespace(sampling=sampling, request=request, prompt_tokens=[1], tokens=[2], constrained=False)
        rows = [Row(fake)]
        ((_, token, (own, top), _),) = BatchSampler().draw(logits[None], rows).results()
        self.assertEqual((3, 1), (token, len(top)))
        self.assertAlmostEqual(-math.log(10), own, places=5)
        self.assertEqual([0.0] * 10, logits.tolist())

    def test_seeds(self):
        def draw(**sampling):
            return generate(engine, STORY, sampling={"temperature": 3, **sampling}, maxTokens=30).tokens

        self.assertEqual(draw(seed=3), draw(seed=3))
        self.assertEqual(draw(seed=2**63 - 1), draw(seed=2**63 - 1))
        self.assertNotEqual(draw(seed=3), draw(seed=4))
        self.assertNotEqual(draw(), draw())

    def test_a_temperature_of_almost_nothing_is_greedy(self):
        greedy = generate(engine, STORY, maxTokens=30).tokens
        for temperature in (1e-3, 1e-45, 1e-300):
            call = generate(engine, STORY, sampling={"temperature": temperature}, maxTokens=30)
            self.assertEqual(greedy, call.tokens)

    def test_options_that_draw_nothing(self):
        greedy = generate(engine, HELLO).tokens
        sampling = {"temperature": 0, "topP": 0.1, "topK": 9, "minP": 0.5, "seed": 9}
        self.assertEqual(greedy, generate(engine, HELLO, sampling=sampling).tokens)
        with self.assertRaisesRegex(InvalidRequest, "topK is 1024"):
            submit(engine, HELLO, sampling={"temperature": 1, "topK": 1024})


class Author(unittest.TestCase):
    def copy(self, **generation_config):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        return load(loading.load, changed_model(Path(folder.name), generation_config_json=generation_config))

    def test_the_authors_values_are_the_defaults(self):
        other = self.copy(do_sample=True, temperature=20, top_k=9, top_p=0.95, repetition_penalty=1.3, eos_token_id=2)
        defaults = {"temperature": 20, "topK": 9, "topP": 0.95, "repetitionPenalty": 1.3}
        self.assertEqual(defaults, other.describe()["samplingDefaults"])

        def answer(of, **sampling):
            return generate(of, prompt="The", sampling=sampling, maxTokens=40).tokens

        mine = [
            answer(other, seed=1),
            answer(other, seed=1, topK=2),
            answer(other, temperature=0),
            answer(other, temperature=0, repetitionPenalty=1),
        ]
        same = [
            answer(engine, **defaults, seed=1),
            answer(engine, **{**defaults, "topK": 2}, seed=1),
            answer(engine, repetitionPenalty=1.3),
            answer(engine),
        ]
        self.assertEqual(same, mine)
        self.assertEqual(4, len({*map(tuple, mine)}))

    def test_without_do_sample_it_is_greedy(self):
        other = self.copy(temperature=1.7, top_k=9, eos_token_id=2)
        self.assertEqual({}, other.describe()["samplingDefaults"])
        self.assertEqual("Hello World", generate(other, HELLO).text)

    def test_the_model_of_the_tests_has_none(self):
        self.assertEqual({}, engine.describe()["samplingDefaults"])

    def test_its_end_tokens(self):
        other = self.copy(eos_token_id=[2, 905])
        call = generate(other, HELLO)
        self.assertEqual(("stop", "Hello", 2), (call.result["finishReason"], call.text, len(call.tokens) + 1))


class ResponseFormats(unittest.TestCase):
    def formatted(self, question="Who are you?", sampling=None, max_tokens=300, **response_format):
        return generate(engine, question, responseFormat=response_format, sampling=sampling or {}, maxTokens=max_tokens)

    def test_schema(self):
        for seed in range(8):
            sampling = {"temperature": 2, "seed": seed} if seed else {}
            call = self.formatted(type="jsonSchema", schema=SCHEMA, sampling=sampling)
            value = json.loads(call.text)
            self.assertEqual("stop", call.result["finishReason"])
            self.assertEqual(["name", "age", "tags"], [*value])
            self.assertLessEqual(len(value["name"]), 20)
            self.assertIn(value["age"], range(151))
            self.assertIn(len(value["tags"]), (1, 2, 3))
            self.assertLessEqual({*value["tags"]}, {"a", "b"})
            self.assertNotIn("\n", call.text)

    def test_regex(self):
        for pattern in ("[0-9]{3}-[a-f]{4}", "<think>[a-c]{5}</think>[0-9]{2}", "(äöü|日本){2}", "a|ab|abc"):
            for sampling in ({}, WILD):
                with self.subTest(pattern, sampling=sampling):
                    call = self.formatted(type="regex", pattern=pattern, sampling=sampling)
                    self.assertTrue(re.fullmatch(pattern, call.text), call.text)
                    self.assertEqual(("stop", ""), (call.result["finishReason"], call.thinking))

    def test_choice(self):
        choices = ["yes", "no", "yesterday", 'q"\\\n/ü']
        seen = {self.formatted(type="choice", choices=choices, sampling={**WILD, "seed": s}).text for s in range(12)}
        self.assertLessEqual(seen, {*choices})
        self.assertGreater(len(seen), 1)

    def test_json(self):
        question = "What is the capital of Germany? Answer with a JSON object containing a single 'city' field"
        call = self.formatted(question, type="json")
        self.assertEqual(({"city": "Berlin"}, "stop"), (json.loads(call.text), call.result["finishReason"]))

    def test_cut_by_its_length(self):
        call = self.formatted(type="jsonSchema", schema=SCHEMA, max_tokens=4)
        self.assertEqual(("length", 4), (call.result["finishReason"], len(call.tokens)))

    def test_an_invalid_answer_is_an_error_after_its_text(self):
        with (
            mock.patch("mlx4j_worker.text.schemas.tighten", return_value={"const": 0}),
            self.assertRaises(InvalidAnswer),
        ):
            self.formatted(type="jsonSchema", schema={"type": "number", "exclusiveMinimum": 0})
        self.assertEqual("0", self.formatted(type="jsonSchema", schema={"const": 0}).text)

    def test_what_cannot_be_enforced_is_refused_by_its_name(self):
        with self.assertRaisesRegex(InvalidRequest, r'responseFormat\.schema can\'t be enforced.*"not"'):
            submit(engine, HELLO, responseFormat={"type": "jsonSchema", "schema": {"not": {}}})
        with self.assertRaisesRegex(InvalidRequest, r"responseFormat\.pattern can't be enforced"):
            submit(engine, HELLO, responseFormat={"type": "regex", "pattern": "(a"})

    def test_what_no_text_can_be_is_refused_before_it_is_generated(self):
        with self.assertRaisesRegex(InvalidRequest, "schema can't be enforced: no text has this format"):
            submit(engine, HELLO, responseFormat={"type": "jsonSchema", "schema": {"$ref": "#"}})
        with self.assertRaisesRegex(InvalidRequest, "pattern can't be enforced: no text has this format"):
            submit(engine, HELLO, responseFormat={"type": "regex", "pattern": r"[^\s\S]"})

    def test_a_bias_cannot_break_it(self):
        sampling = {"logitBias": {"5": 100}, "repetitionPenalty": 3}
        call = self.formatted(type="choice", choices=["yes", "no"], sampling=sampling)
        self.assertIn(call.text, ("yes", "no"))


class Tools(unittest.TestCase):
    QUESTION = "What is the weather in Munich?"

    def speaking(self, **changes):
        """The engine with another way to write calls."""
        dialect = replace(engine._loaded.dialect, **changes)
        return mock.patch.object(engine, "_loaded", replace(engine._loaded, dialect=dialect))

    def test_a_call(self):
        call = generate(engine, self.QUESTION, tools=[WEATHER])
        (one,) = call.result["toolCalls"]
        self.assertEqual(("getWeather", {"city": "Munich"}), (one["name"], one["arguments"]))
        self.assertRegex(one["id"], "^[A-Za-z0-9]{9}$")
        self.assertEqual(("toolCalls", ""), (call.result["finishReason"], call.text))

    def test_a_call_that_cannot_be_read_is_reported_as_it_is(self):
        def parse(_text, _tools):
            raise KeyError("no such thing")

        with self.speaking(calls=CallFormat("<tool_call>", "</tool_call>", parse)):
            call = generate(engine, self.QUESTION, tools=[WEATHER])
        text = '{"name": "getWeather", "arguments": {"city": "Munich"}}'
        self.assertEqual([{"text": text, "reason": "KeyError: 'no such thing'"}], call.result["unreadToolCalls"])
        self.assertEqual(([], "stop", ""), (call.result["toolCalls"], call.result["finishReason"], call.text))

    def test_a_call_that_is_cut_is_reported_too(self):
        call = generate(engine, self.QUESTION, tools=[WEATHER], maxTokens=6)
        (unread,) = call.result["unreadToolCalls"]
        self.assertTrue(unread["text"].startswith('{"name'), unread)
        self.assertEqual("length", call.result["finishReason"])

    def test_a_model_without_calls_refuses_tools(self):
        with self.speaking(calls=None):
            self.assertNotIn("tools", engine.describe()["capabilities"])
            with self.assertRaisesRegex(InvalidRequest, "tools can't be used"):
                submit(engine, self.QUESTION, tools=[WEATHER])

    def test_without_tools_marks_are_text(self):
        prompt = engine.render(parse_prompt({"messages": user(self.QUESTION), "tools": [WEATHER]}, ("messages",)))
        call = generate(engine, prompt=prompt)
        self.assertTrue(call.text.startswith("<tool_call>"), call.text)
        self.assertEqual(([], "stop"), (call.result["toolCalls"], call.result["finishReason"]))


class Thinking(unittest.TestCase):
    QUESTION = "Think: is a whale a fish?"
    THOUGHT = "A whale breathes air and feeds milk to its young."

    def test_it_is_apart_from_the_text(self):
        call = generate(engine, self.QUESTION)
        self.assertEqual((self.THOUGHT, "No, a whale is a mammal."), (call.thinking, call.text))
        marks = [engine._tokenizer.convert_tokens_to_ids(mark) for mark in ("<think>", "</think>")]
        first, last = (call.tokens.index(mark) for mark in marks)
        self.assertEqual(last - first + 1, call.result["usage"]["thinkingTokens"])

    def test_off(self):
        call = generate(engine, self.QUESTION, thinking=False)
        self.assertEqual(("", 0), (call.thinking, call.result["usage"]["thinkingTokens"]))
        text = engine.render(parse_prompt({"messages": user("hi"), "thinking": False}, ("messages",)))
        self.assertTrue(text.endswith("<|im_start|>assistant\n<think></think>"), text)

    def test_a_raw_prompt_is_all_text(self):
        prompt = engine.render(parse_prompt({"messages": user(self.QUESTION)}, ("messages",)))
        call = generate(engine, prompt=prompt)
        self.assertEqual(f"<think>{self.THOUGHT}</think>No, a whale is a mammal.", call.text)

    def test_a_template_that_opens_it(self):
        template = (MODEL / "chat_template.jinja").read_text(encoding="utf-8")
        template = template.replace("{{- '<|im_start|>assistant\\n' }}\n", "{{- '<|im_start|>assistant\\n<think>' }}\n")
        with tempfile.TemporaryDirectory() as folder:
            other = load(loading.load, changed_model(Path(folder), chat_template_jinja=template))
        call = generate(other, self.QUESTION)
        self.assertEqual((self.THOUGHT, "No, a whale is a mammal."), (call.thinking, call.text))
        call = generate(other, self.QUESTION, responseFormat={"type": "choice", "choices": ["0", "1"]})
        self.assertEqual(self.THOUGHT, call.thinking)
        self.assertIn(call.text, ("0", "1"))


class Prompts(unittest.TestCase):
    def test_the_same_tokens_every_way(self):
        params = {"messages": user("Why is the sky blue?")}
        text = engine.render(parse_prompt(params, ("messages",)))
        self.assertEqual("<|im_start|>user\nWhy is the sky blue?<|im_end|>\n<|im_start|>assistant\n", text)
        tokens = engine.prompt(parse_prompt(params, ("messages", "prompt"))).tokens
        self.assertEqual(engine._tokenizer.encode(text), tokens)
        self.assertEqual(tokens, engine.prompt(parse_prompt({"prompt": text}, ("messages", "prompt"))).tokens)
        answers = [generate(engine, **prompt) for prompt in (params, {"prompt": text}, {"tokens": tokens})]
        self.assertEqual(1, len({answer.text for answer in answers}))
        self.assertEqual({len(tokens)}, {answer.result["usage"]["promptTokens"] for answer in answers})

    def test_tools_are_in_the_prompt(self):
        params = {"messages": user("Why?"), "tools": [WEATHER]}
        self.assertIn('"name": "getWeather"', engine.render(parse_prompt(params, ("messages",))))

    def test_tokens_outside_and_no_tokens_are_refused(self):
        for tokens in ([], [1024], [-1]):
            with self.assertRaises(InvalidRequest):
                submit(engine, tokens=tokens)


class Embeddings(unittest.TestCase):
    TEXTS = ("Why is the sky blue?", "Grüße, 日本", "a " * 700)

    def test_they_are_the_mean_of_the_last_hidden_states(self):
        call = submit_texts(engine, *self.TEXTS)
        run(engine)
        self.assertEqual([0, 1, 2], [note["index"] for note in call.sent("embedding")])
        count = 0
        for text, vector in zip(self.TEXTS, call.vectors, strict=True):
            ids = torch.tensor([engine._tokenizer.encode(text)])
            with torch.inference_mode():
                hidden = engine._model(ids, output_hidden_states=True).hidden_states[-1][0]
            torch.testing.assert_close(torch.from_numpy(vector.copy()), hidden.mean(0), rtol=0, atol=tolerance(1e-5))
            count += ids.shape[1]
        self.assertEqual({"count": 3, "dimensions": 192, "promptTokens": count, "truncated": 0}, call.result)

    def test_the_state_is_after_the_final_norm(self):
        call = submit_texts(engine, "x")
        run(engine)
        (token,) = engine._tokenizer.encode("x")
        with torch.inference_mode():
            logits = engine._model.lm_head(torch.from_numpy(call.vectors[0].copy()))
        torch.testing.assert_close(logits, logits_after([token], 1)[0], rtol=0, atol=tolerance(1e-3))

    def test_texts_without_tokens_or_with_too_many_are_refused(self):
        with self.assertRaises(InvalidRequest):
            submit_texts(engine, "fine", "")
        with self.assertRaises(ContextOverflow):
            submit_texts(engine, "a " * 5000)
        self.assertFalse(engine.busy)

    def test_a_cancel_between_texts(self):
        call = submit_texts(engine, *["Why?"] * 5)
        with one_part_a_step():
            run(engine, lambda: setattr(call, "cancelled", len(call.sent("embedding")) == 2))
        self.assertIsInstance(call.error, Cancelled)
        self.assertEqual(2, len(call.vectors))


class OtherArchitectures(unittest.TestCase):
    """Random models whose caches are not plain ones."""

    def check(self, model):
        with tempfile.TemporaryDirectory() as folder:
            path = changed_model(Path(folder))
            model.save_pretrained(path)
            other = load(loading.load, path)
        prompt = [5, 6, 7] * 400
        call = generate(other, tokens=prompt, maxTokens=6, logProbs=0, sampling={"logitBias": {str(END): -100}})
        with torch.inference_mode():
            every = model.eval()(torch.tensor([prompt + call.tokens[:-1]])).logits[0, -6:].float().log_softmax(-1)
        own = every.gather(1, torch.tensor(call.tokens)[:, None])[:, 0]
        torch.testing.assert_close(
            torch.tensor([one["logProb"] for one in call.log_probs]), own, rtol=0, atol=tolerance(1e-3)
        )
        texts = submit_texts(other, "Hello")
        run(other)
        self.assertEqual({"count": 1, "dimensions": 32, "promptTokens": 1, "truncated": 0}, texts.result)

    def test_a_sliding_window(self):
        torch.manual_seed(1)
        self.check(
            Gemma3ForCausalLM(
                Gemma3TextConfig(
                    vocab_size=1024,
                    hidden_size=32,
                    intermediate_size=32,
                    num_hidden_layers=2,
                    layer_types=["sliding_attention", "full_attention"],
                    num_attention_heads=2,
                    num_key_value_heads=1,
                    head_dim=16,
                    sliding_window=16,
                )
            )
        )

    def test_no_kv_cache_at_all(self):
        torch.manual_seed(1)
        self.check(MambaForCausalLM(MambaConfig(vocab_size=1024, hidden_size=32, num_hidden_layers=2)))


class Queue(unittest.TestCase):
    def test_calls_of_all_kinds_at_once(self):
        calls = [submit(engine, HELLO), submit_texts(engine, "a", "b"), submit(engine, "Why is the sky blue?")]
        self.assertTrue(all(engine.has(call) for call in calls))
        run(engine)
        self.assertFalse(any(engine.has(call) for call in calls))
        self.assertEqual("Hello World", calls[0].text)
        self.assertEqual(2, len(calls[1].vectors))

    def test_requests_do_not_influence_each_other(self):
        wild = {**WILD, "repetitionPenalty": 1.5, "logitBias": {"5": 5}}

        def odd(sampling=wild):
            return generate(engine, STORY, sampling=sampling, maxTokens=30).tokens

        first = odd()
        self.assertEqual("Hello World", generate(engine, HELLO).text)
        generate(engine, HELLO, responseFormat={"type": "regex", "pattern": "[0-9]{5}"})
        self.assertEqual(first, odd())
        self.assertEqual("Hello World", generate(engine, HELLO).text)

    def test_a_failure_is_of_one_request_alone(self):
        failing = submit(engine, HELLO, responseFormat={"type": "regex", "pattern": "[0-9]{5}"})
        after = submit(engine, HELLO)
        with mock.patch.object(Constraint, "allowed", side_effect=RuntimeError("a dead end")):
            run(engine)
        self.assertIsInstance(failing.error, EngineFailed)
        self.assertIn("a dead end", str(failing.error))
        self.assertEqual("Hello World", after.text)

    def test_a_token_that_the_format_refuses_fails_its_request(self):
        failing = submit(engine, HELLO, responseFormat={"type": "regex", "pattern": "[0-9]{5}"})
        after = submit(engine, HELLO)
        with mock.patch.object(Constraint, "allowed", lambda self: torch.ones(1024, dtype=torch.bool).numpy()):
            run(engine)
        self.assertIsInstance(failing.error, EngineFailed)
        self.assertIn("does not fit the response format", str(failing.error))
        self.assertEqual("Hello World", after.text)

    def test_a_failing_pass_fails_its_request(self):
        failing = submit_texts(engine, "a")
        with mock.patch.object(type(engine._model.base_model), "forward", side_effect=RuntimeError("broken")):
            run(engine)
        self.assertIsInstance(failing.error, EngineFailed)
        self.assertEqual("Hello World", generate(engine, HELLO).text)

    def test_a_pass_for_which_memory_is_short_fails_its_request_with_that(self):
        for error in (
            torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB."),
            RuntimeError("MPS backend out of memory (MPS allocated: 9.05 GiB)"),
            RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
            MemoryError(),
        ):
            failing = submit_texts(engine, "a")
            with mock.patch.object(type(engine._model.base_model), "forward", side_effect=error):
                run(engine)
            self.assertIsInstance(failing.error, OutOfMemory)
        self.assertEqual("Hello World", generate(engine, HELLO).text)

    def test_a_device_that_fails_answers_nobody(self):
        for text, answered in (
            ("CUDA error: device-side assert triggered", False),
            ("CUDA error: out of memory", True),
        ):
            own = load(loading.load)
            failing, waiting = submit(own, HELLO), submit(own, HELLO)
            broken = mock.patch.object(type(own._model), "forward", side_effect=torch.AcceleratorError(text))
            with broken, self.assertRaises(DeviceFailed):
                run(own)
            self.assertEqual((answered, False), (failing.ended, waiting.ended))

    def test_a_load_for_which_memory_is_short(self):
        for error in (
            torch.OutOfMemoryError("CUDA out of memory."),
            RuntimeError("MPS backend out of memory"),
            MemoryError(),
        ):
            with (
                mock.patch("transformers.AutoModelForCausalLM.from_pretrained", side_effect=error),
                self.assertRaises(Exception) as raised,
            ):
                load(loading.load)
            self.assertIsInstance(failures.typed(raised.exception, ""), OutOfMemory)

    def test_cancels(self):
        running, waiting, after = (submit(engine, question) for question in (STORY, STORY, HELLO))

        def poll():
            if len(running.tokens) >= 3:
                running.cancelled = waiting.cancelled = True

        run(engine, poll)
        self.assertIsInstance(running.error, Cancelled)
        self.assertEqual(3, len(running.tokens))
        self.assertIsInstance(waiting.error, Cancelled)
        self.assertEqual("Hello World", after.text)

    def test_a_cancel_during_prefill(self):
        call, prefill = submit(engine, tokens=[5] * 2000, cacheSalt="its own"), engine._decoder.prefill

        def cancelling(row, tokens):
            call.cancelled = True
            prefill(row, tokens)

        with mock.patch.object(engine._decoder, "prefill", cancelling):
            run(engine)
        self.assertIsInstance(call.error, Cancelled)
        self.assertEqual([], call.sent("chunk"))

    def test_calls_that_come_in_between_tokens(self):
        calls = [submit(engine, "Why is the sky blue?")]

        def poll():
            if len(calls) == 1 and len(calls[0].tokens) == 2:
                calls.extend([submit(engine, HELLO), submit_texts(engine, "a")])

        run(engine, poll)
        self.assertEqual("Hello World", calls[1].text)
        self.assertEqual(1, calls[2].result["count"])


class Batching(unittest.TestCase):
    """Rows that decode together, against the same requests alone."""

    QUESTIONS = ("Why is the sky blue?", STORY, HELLO, "Who are you?")

    def lab(self, **options):
        lab = Lab(loading.load, **options)
        self.assertTrue(lab.engine.describe()["concurrent"])
        return lab

    def test_known_prompts_at_once_get_what_each_gets_alone(self):
        lab = self.lab()
        calls = [(lab.start(**params, maxTokens=1000), record) for params, record in known_prompts()]
        self.assertGreater(len(calls), scheduler.MAX_ROWS)
        lab.finish(*(call for call, _ in calls))
        for call, record in calls:
            self.assertEqual(record["tokens"], call.tokens, record["text"])

    def test_rows_that_join_and_leave_keep_their_text(self):
        lab = self.lab()
        requests = [
            {"maxTokens": 10 + 7 * i, "sampling": {**WILD, "seed": i, "topK": 3 * i, "presencePenalty": i / 4}}
            for i in range(6)
        ]
        alone = [lab.ask(STORY, **request).tokens for request in requests]
        calls = []
        for request in requests:
            calls.append(lab.start(STORY, **request))
            lab.step(3)
        lab.finish(*calls)
        self.assertEqual(alone, [call.tokens for call in calls])

    def test_one_step_is_one_pass(self):
        lab = self.lab()
        calls = [lab.start(STORY, maxTokens=20) for _ in range(8)]
        while not all(call.tokens for call in calls):
            lab.step()
        with mock.patch.object(lab.engine._decoder, "_pass", wraps=lab.engine._decoder._pass) as passes:
            lab.step(5)
        self.assertEqual([8] * 5, [len(call.args[0]) for call in passes.call_args_list])
        lab.finish(*calls)

    def test_short_prompts_are_prefilled_in_one_pass(self):
        lab = self.lab(prefixCacheBytes=0)
        calls = [lab.start(question, maxTokens=5) for question in self.QUESTIONS]
        with mock.patch.object(lab.engine._decoder, "_pass", wraps=lab.engine._decoder._pass) as passes:
            lab.step()
        self.assertEqual(len(calls), len(passes.call_args_list[0].args[0]))
        lab.finish(*calls)

    def test_prompts_whose_common_pass_fails_are_tried_alone(self):
        lab = self.lab(prefixCacheBytes=0)
        calls = [lab.start(question, maxTokens=5) for question in self.QUESTIONS]
        with mock.patch.object(lab.engine._decoder, "prefill_all", side_effect=RuntimeError("a fault on demand")):
            lab.finish(*calls)
        self.assertEqual([None] * 4, [call.error for call in calls])

    def test_a_step_that_fails_once_costs_nobody_the_answer(self):
        lab = self.lab()
        calls = [lab.start(question) for question in self.QUESTIONS]
        while not all(call.tokens for call in calls):
            lab.step()
        real, faults = lab.engine._decoder._pass, iter([RuntimeError("a fault on demand")])

        def faulty(*args):
            for fault in faults:
                raise fault
            return real(*args)

        with mock.patch.object(lab.engine._decoder, "_pass", faulty):
            lab.finish(*calls)
        self.assertEqual([known(question)["tokens"] for question in self.QUESTIONS], [call.tokens for call in calls])

    def test_a_cancelled_row_leaves_its_neighbours(self):
        lab = self.lab()
        calls = [lab.start(question) for question in self.QUESTIONS]
        while not all(call.tokens for call in calls):
            lab.step()
        calls[1].cancelled = True
        lab.step()
        self.assertIsInstance(calls[1].error, Cancelled)
        lab.finish(*calls)
        for question, call in [*zip(self.QUESTIONS, calls, strict=True)][2:]:
            self.assertEqual(known(question)["tokens"], call.tokens)

    def test_a_prompt_finds_its_beginning_in_the_prefix_cache(self):
        lab = self.lab()
        first = lab.ask(STORY)
        again = lab.ask(STORY)
        self.assertEqual(0, first.result["usage"]["cachedTokens"])
        self.assertEqual(again.result["usage"]["promptTokens"] - 1, again.result["usage"]["cachedTokens"])
        self.assertEqual(first.tokens, again.tokens)
        salted = lab.ask(STORY, cacheSalt="other")
        self.assertEqual((0, first.tokens), (salted.result["usage"]["cachedTokens"], salted.tokens))

    def test_the_prefix_cache_counts_and_bounds_the_memory_of_short_texts(self):
        lab = self.lab(prefixCacheBytes=1_000_000)
        for i in range(40):
            lab.ask(prompt=chr(97 + i % 26) * 12 + str(i), maxTokens=1 + i % 3)
        prefixes = lab.engine._prefixes
        kept = [(len(tokens), cache) for tokens, cache, _ in prefixes._kept.values()]
        tensors = [x for _, cache in kept for layer in cache.layers for x in (layer.keys, layer.values)]
        memory = sum({x.untyped_storage().data_ptr(): x.untyped_storage().nbytes() for x in tensors}.values())
        self.assertGreater(len(kept), 15)
        self.assertEqual(memory, prefixes.nbytes)
        config = lab.engine._model.config
        token_bytes = 2 * 4 * config.num_hidden_layers * config.num_key_value_heads * config.head_dim
        self.assertLessEqual(memory, 1.25 * token_bytes * sum(tokens for tokens, _ in kept))


class Initialize(unittest.TestCase):
    def test_what_the_engine_can_do(self):
        able = ["embeddings", "logProbs", "penalties", "responseFormat", "thinking", "thinkingSwitch", "tools"]
        described = engine.describe()
        self.assertEqual(able, described["capabilities"])
        self.assertEqual((4096, 1024, True, True), tuple(
            described[name] for name in ("contextLength", "vocabularySize", "chat", "concurrent")
        ))  # fmt: skip

    def test_options(self):
        for name, value in {
            "draftModel": "/d",
            "kvBits": 8,
            "kvTokens": 64,
            "memoryLimitBytes": 1,
            "wiredLimit": True,
        }.items():
            with self.assertRaisesRegex(InvalidRequest, f"^{name} can't be used with the hf worker"):
                load(loading.load, **{name: value})
        load(loading.load, prefixCacheBytes=0, draftTokens=2)


if __name__ == "__main__":
    unittest.main()
