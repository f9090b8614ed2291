"""The mlx engine over the real mlx-lm and the small model. Runs in the worker's environment: python -m unittest."""

import json
import re
import shutil
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import mlx.core as mx
import numpy
from mlx.utils import tree_flatten
from mlx_lm import stream_generate
from mlx_lm.models import cache as caches
from mlx_lm.models import gemma3_text, mamba2

from engine_tests.harness import KNOWN, MODEL, SCHEMA, STORY, Lab, known
from engine_tests.tolerance import tolerance
from mlx4j_worker.engine import scheduler
from mlx4j_worker.engine.prefill_chunks import ChunkSize
from mlx4j_worker.engine.prefix_cache import PrefixCache
from mlx4j_worker.engine.turns import MAX_LONG_PROMPTS, Turns
from mlx4j_worker.errors import Cancelled, EngineFailed, InvalidAnswer, InvalidRequest, ModelLoadFailed, OutOfMemory
from mlx4j_worker.mlx import engine as engine_module
from mlx4j_worker.mlx import loading
from mlx4j_worker.mlx.batch import Batch
from mlx4j_worker.mlx.caches import CopiedCaches
from mlx4j_worker.requests.options import Options

LONG = "The lighthouse keeper counted the ships. " * 40  # some 500 tokens
PLAIN = [one for one in KNOWN if "tools" not in one and "<think>" not in one["text"]]


def lab(folder=MODEL, **options):
    return Lab(loading.load, folder, **{"prefixCacheBytes": 0, **options})


def copy_of_model(test, **files):
    """A copy of the model's folder; ``files`` are JSON files by the name without suffix, and how to change them."""
    folder = Path(tempfile.mkdtemp())
    test.addCleanup(shutil.rmtree, folder)
    shutil.copytree(MODEL, folder / "model")
    for name, changes in files.items():
        path = folder / "model" / f"{name}.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    return folder / "model"


class Shared(unittest.TestCase):
    """Tests on one engine without a prefix cache."""

    @classmethod
    def setUpClass(cls):
        cls.lab = lab()
        cls.model = cls.lab.engine._loaded.model
        cls.tokenizer = cls.lab.engine._loaded.tokenizer

    def tearDown(self):
        self.assertFalse(self.lab.engine.busy)

    def prompt(self, question):
        messages = [{"role": "user", "content": question}]
        return self.tokenizer.apply_chat_template(messages, add_generation_prompt=True)

    def logits(self, tokens):
        """[tokens, vocabulary] of a plain pass."""
        return numpy.array(self.model(mx.array([tokens]))[0].astype(mx.float32))


class Batching(Shared):
    def test_many_at_once_get_what_each_gets_alone(self):
        several = 2 * [one for one in PLAIN if len(one["messages"]) == 1]
        self.assertGreater(len(several), scheduler.MAX_ROWS)
        calls = [self.lab.start(one["messages"][-1]["content"]) for one in several]
        self.lab.finish(*calls)
        self.assertEqual([call.tokens for call in calls], [one["tokens"] for one in several])

    def test_a_request_may_join_at_any_step_of_another(self):
        story, months = known(STORY), known("List the months")
        for steps in (1, 2, 3, 7, 20):
            first = self.lab.start(STORY)
            self.lab.step(steps)
            second = self.lab.start("List the months")
            self.lab.finish(first, second)
            self.assertEqual(first.tokens, story["tokens"])
            self.assertEqual(second.tokens, months["tokens"])

    def test_seeds_give_the_same_text_alone_and_beside_others(self):
        wild = {"sampling": {"temperature": 3, "seed": 7, "topK": 300}, "maxTokens": 40}
        alone = self.lab.ask(STORY, **wild).tokens
        for others in (1, 3):
            calls = [self.lab.start(one["messages"][-1]["content"]) for one in PLAIN[:others]]
            self.lab.step(2)
            beside = self.lab.start(STORY, **wild)
            self.lab.finish(beside, *calls)
            self.assertEqual(beside.tokens, alone)
        wild["sampling"]["seed"] = 8
        self.assertNotEqual(self.lab.ask(STORY, **wild).tokens, alone)

    def test_the_last_token_needs_no_further_pass(self):
        with mock.patch.object(self.lab.engine._decoder, "_model", wraps=self.model) as passes:
            call = self.lab.ask(STORY, maxTokens=3)
        self.assertEqual(len(call.tokens), 3)
        single = [c for c in passes.call_args_list if c.args[0].shape == (1, 1)]
        self.assertEqual(len(single), 3)  # the last token of the prompt, and two of the answer


class Turning(Shared):
    """Who uses the model when, by a clock that only the work of the model moves."""

    SECONDS_OF_TOKEN, SECONDS_OF_STEP = 0.002, 0.03

    def setUp(self):
        self.now = 0.0
        engine = self.lab.engine
        for name, patched in (("_turns", Turns()), ("_chunk", ChunkSize())):
            self.patch(mock.patch.object(engine, name, patched))
        self.patch(mock.patch.object(scheduler, "time", mock.Mock(monotonic=lambda: self.now)))
        self.timed(engine._decoder, "prefill", lambda _cache, tokens: len(tokens) * self.SECONDS_OF_TOKEN)
        self.timed(engine._decoder, "step", lambda *_: self.SECONDS_OF_STEP)
        self.timed(engine, "_forward_step", lambda _: ChunkSize.SECONDS)

    def patch(self, patch):
        patch.start()
        self.addCleanup(patch.stop)

    def timed(self, owner, name, seconds):
        work = getattr(owner, name)

        def timed(*args):
            self.now += seconds(*args)
            return work(*args)

        self.patch(mock.patch.object(owner, name, timed))

    def test_a_long_prompt_advances_beside_short_callers_whose_tokens_go_on(self):
        long = self.lab.start(prompt=LONG * 3, maxTokens=1)
        tokens = len(self.lab.engine._waiting[0].prompt)
        short, waits, gaps = [], [], []
        while not long.ended:
            for call in [call for call in short if call.ended]:
                short.remove(call)
            while len(short) < 6:
                short.append(self.lab.start(tokens=[*range(10, 40)], maxTokens=8))
                short[-1].begun = short[-1].last = self.now
                short[-1].seen = 0
            self.lab.step()
            for call in short:
                if len(call.tokens) > call.seen:
                    (gaps if call.seen else waits).append(self.now - call.last)
                    call.seen, call.last = len(call.tokens), self.now
        alone = tokens * self.SECONDS_OF_TOKEN
        self.assertLess(self.now, 4 * alone + 1)
        self.assertLess(max(gaps), 3 * ChunkSize.SECONDS + 2 * self.SECONDS_OF_STEP)
        own = 6 * 30 * self.SECONDS_OF_TOKEN  # the prompts of all callers, which have a quarter of the time
        self.assertLess(max(waits), 4 * (own + ChunkSize.SECONDS))
        self.assertGreater(len(waits), 20)
        self.lab.finish(*short)

    def test_a_short_prompt_does_not_wait_for_long_ones_that_came_before(self):
        longs = [self.lab.start(prompt=LONG * 2, maxTokens=1) for _ in range(9)]
        self.lab.step(2)
        self.assertEqual(len(self.lab.engine._prefilling), MAX_LONG_PROMPTS)  # the others wait and take no places
        begun = self.now
        self.lab.finish(self.lab.start(tokens=[10, 11, 12], maxTokens=1))
        self.assertLess(self.now - begun, 4 * ChunkSize.SECONDS)
        for call in longs:
            call.cancelled = True
        self.lab.finish(*longs)

    def test_other_works_have_their_turns_too(self):
        long = self.lab.start(prompt=LONG * 2, maxTokens=1)
        self.lab.step(2)
        self.lab.finish(self.lab.embed("short"))
        self.assertFalse(long.ended)
        work = self.lab.embed(LONG * 4)
        self.lab.finish(long)
        self.assertFalse(work.ended)
        self.lab.finish(work)


class Cancelling(Shared):
    def test_it_ends_a_request_in_the_queue_in_prefill_and_in_decode(self):
        decoding = [self.lab.start(STORY) for _ in range(scheduler.MAX_ROWS)]
        self.lab.step(scheduler.MAX_ROWS)
        queued = self.lab.start("Who are you?")
        self.lab.step()
        self.assertIn(queued, [row.generation.call for row in self.lab.engine._waiting])
        for call in [queued, *decoding[1:]]:
            call.cancelled = True
        self.lab.step()
        self.assertTrue(all(isinstance(call.error, Cancelled) for call in [queued, *decoding[1:]]))
        prefilling = self.lab.start(prompt=LONG)
        self.lab.step()
        self.assertIn(prefilling, [row.generation.call for row in self.lab.engine._prefilling])
        prefilling.cancelled = True
        self.lab.step()
        self.assertIsInstance(prefilling.error, Cancelled)
        self.assertEqual(self.lab.finish(decoding[0]).tokens, known(STORY)["tokens"])

    def test_it_ends_embedding_between_chunks(self):
        call = self.lab.embed(LONG * 3, "short")
        self.lab.step(2)
        self.assertFalse(call.ended)
        call.cancelled = True
        self.lab.step()
        self.assertIsInstance(call.error, Cancelled)


class Failures(Shared):
    """A fault ends the request that caused it, and no other."""

    def failing(self, when):
        """The decoder's model raises on those of its passes for which ``when`` of the input says so."""
        model = self.model

        def call(inputs, cache):
            if when(inputs):
                raise RuntimeError("a fault on demand")
            return mock.DEFAULT

        faulty = mock.Mock(wraps=model, side_effect=call)
        return mock.patch.object(self.lab.engine._decoder, "_model", faulty)

    def test_after_a_step_that_failed_the_others_go_on_with_the_same_text(self):
        wild = {"sampling": {"temperature": 3, "seed": 7}, "maxTokens": 30}
        alone = self.lab.ask(STORY, **wild).tokens
        calls = [self.lab.start(STORY, **wild), self.lab.start("List the months"), self.lab.start(STORY)]
        self.lab.step(12)
        faults = iter([True])
        with self.failing(lambda _: next(faults, False)):
            self.lab.step()
        self.lab.finish(*calls)
        self.assertEqual(calls[0].tokens, alone)
        self.assertEqual([c.tokens for c in calls[1:]], [known("List the months")["tokens"], known(STORY)["tokens"]])
        self.assertTrue(all(ms >= 0 for call in calls for ms in call.result["timings"].values()))

    def test_the_one_whose_passes_always_fail_fails_alone(self):
        used = {*known(STORY)["tokens"], *known("List the months")["tokens"]}
        poison = next(token for token in range(300, 1000) if token not in used)
        bad = self.lab.start(tokens=[5, 6, 7, poison], maxTokens=5)
        good = [self.lab.start(STORY), self.lab.start("List the months")]
        with self.failing(lambda inputs: inputs.shape[1] == 1 and poison in inputs.flatten().tolist()):
            self.lab.finish(bad, *good)
        self.assertIsInstance(bad.error, EngineFailed)
        self.assertIn("a fault on demand", str(bad.error))
        self.assertEqual([c.tokens for c in good], [known(STORY)["tokens"], known("List the months")["tokens"]])

    def test_a_prefill_that_fails_is_the_fault_of_its_request(self):
        good = self.lab.start(STORY)
        self.lab.step(3)
        bad = self.lab.start(tokens=[901] * 30, maxTokens=5)
        with self.failing(lambda inputs: inputs.shape[1] > 1):
            self.lab.finish(bad)
        self.assertIsInstance(bad.error, EngineFailed)
        self.assertEqual(self.lab.finish(good).tokens, known(STORY)["tokens"])

    def test_a_row_that_cannot_leave_the_batch_well_does_not_harm_the_others(self):
        calls = [self.lab.start(STORY), self.lab.start("List the months")]
        self.lab.step(12)
        calls[0].cancelled = True
        with mock.patch.object(self.lab.engine._decoder, "_extract", side_effect=RuntimeError("a fault on demand")):
            self.lab.step()
        self.assertIsInstance(calls[0].error, Cancelled)
        self.assertEqual(self.lab.finish(calls[1]).tokens, known("List the months")["tokens"])

    def test_a_choice_that_fails_is_the_fault_of_its_request(self):
        good = self.lab.start(STORY)
        bad = self.lab.start("Who are you?", responseFormat={"type": "regex", "pattern": "[a-z]{50}"})
        self.lab.step(5)
        row = next(row for row in self.lab.engine._rows() if row.generation.call is bad)
        with mock.patch.object(row.generation, "allowed", side_effect=RuntimeError("a dead end")):
            self.lab.step()
        self.assertIsInstance(bad.error, EngineFailed)
        self.assertIn("a dead end", str(bad.error))
        self.assertEqual(self.lab.finish(good).tokens, known(STORY)["tokens"])

    def test_a_failure_for_want_of_memory_is_named_so(self):
        call = self.lab.start(STORY)
        no_memory = mock.Mock(wraps=self.model, side_effect=RuntimeError("[malloc] Unable to allocate"))
        with mock.patch.object(self.lab.engine._decoder, "_model", no_memory):
            self.lab.finish(call)
        self.assertIsInstance(call.error, OutOfMemory)


class Memory(Shared):
    def test_a_request_waits_for_memory_that_others_have(self):
        per_token = self.lab.engine._budget.bytes_per_token
        with mock.patch.object(engine_module, "available_bytes", lambda _limit: 700 * per_token):
            first = self.lab.start(STORY, maxTokens=600)
            self.lab.step(3)
            second = self.lab.start("Who are you?", maxTokens=600)
            self.lab.step(3)
            self.assertEqual([row.generation.call for row in self.lab.engine._waiting], [second])
            self.lab.finish(first, second)
        self.assertEqual(second.text, known("Who are you?")["text"])

    def test_what_does_not_fit_even_alone_is_refused_with_the_arithmetic(self):
        per_token = self.lab.engine._budget.bytes_per_token
        with mock.patch.object(engine_module, "available_bytes", lambda _limit: 100 * per_token):
            call = self.lab.start(STORY, maxTokens=600)
        self.assertIsInstance(call.error, OutOfMemory)
        self.assertIn(f"{per_token} bytes each", str(call.error))

    def test_the_room_is_the_smallest_of_limit_working_set_and_what_other_processes_leave(self):
        cases = [  # (working set, free in the system, the user's limit, expected), in GB; 3 are active and 1 is cached
            (5.7, 9.0, None, 2.7),
            (12.0, 2.0, None, 3.0),  # another process has most of the memory; the cache can be used again
            (12.0, 2.0, 4.0, 1.0),
            (12.0, None, None, 9.0),
            (None, 6.0, None, 7.0),  # no Metal
            (None, None, None, None),
        ]
        for working_set, free, limit, expected in cases:
            info = {} if working_set is None else {"max_recommended_working_set_size": int(working_set * 1e9)}
            with (
                self.subTest(working_set=working_set, free=free, limit=limit),
                mock.patch.object(mx, "device_info", lambda info=info: info),
                mock.patch.object(mx, "get_active_memory", lambda: 3 * 10**9),
                mock.patch.object(mx, "get_cache_memory", lambda: 10**9),
                mock.patch("mlx4j_worker.memory.available_bytes", lambda free=free: free and int(free * 1e9)),
            ):
                found = engine_module.available_bytes(limit and int(limit * 1e9))
                self.assertEqual(found, expected and int(expected * 1e9))


class Choosing(Shared):
    """Each option against a computation by hand on the model's logits."""

    def test_log_probs_are_those_of_the_model(self):
        call = self.lab.ask("List the months", logProbs=3, maxTokens=8)
        prompt = self.prompt("List the months")
        logits = self.logits(prompt + call.tokens)[len(prompt) - 1 : -1]
        own = logits - numpy.log(numpy.exp(logits.astype(numpy.float64)).sum(axis=1, keepdims=True))
        self.assertEqual(len(call.log_probs), 8)
        for given, expected, token in zip(call.log_probs, own, call.tokens, strict=True):
            self.assertAlmostEqual(given["logProb"], expected[token], delta=tolerance(5e-4))
            best = numpy.argsort(-expected)[:3]
            self.assertEqual([one["token"] for one in given["top"]], best.tolist())
            for one in given["top"]:
                self.assertAlmostEqual(one["logProb"], expected[one["token"]], delta=tolerance(5e-4))
                self.assertEqual(one["text"], self.tokenizer.decode([one["token"]]))
        self.assertEqual(self.lab.ask("List the months", logProbs=0, maxTokens=1).log_probs[0]["top"], [])

    def test_log_probs_do_not_change_with_the_options(self):
        plain = self.lab.ask(STORY, logProbs=0, maxTokens=1).log_probs[0]["logProb"]
        token = self.lab.ask(STORY, maxTokens=1).tokens[0]
        biased = self.lab.ask(STORY, logProbs=0, maxTokens=1, sampling={"logitBias": {str(token): 50}})
        self.assertAlmostEqual(biased.log_probs[0]["logProb"], plain, delta=tolerance(5e-6))

    def greedy_by_hand(self, question, steps, change):
        prompt, tokens = self.prompt(question), []
        for _ in range(steps):
            logits = self.logits(prompt + tokens)[-1]
            change(logits, prompt, tokens)
            tokens.append(int(logits.argmax()))
        return tokens

    def test_repetition_penalty_counts_prompt_and_answer(self):
        def change(logits, prompt, tokens):
            for token in {*prompt, *tokens}:
                logits[token] = logits[token] * 1.8 if logits[token] < 0 else logits[token] / 1.8

        expected = self.greedy_by_hand("List the months", 12, change)
        call = self.lab.ask("List the months", maxTokens=12, sampling={"repetitionPenalty": 1.8})
        self.assertEqual(call.tokens, expected)
        self.assertNotEqual(call.tokens, known("List the months")["tokens"][:12])

    def test_presence_and_frequency_count_the_answer_alone(self):
        def change(logits, _prompt, tokens):
            for token in set(tokens):
                logits[token] -= 3 + 5 * tokens.count(token)

        expected = self.greedy_by_hand("List the months", 12, change)
        sampling = {"presencePenalty": 3, "frequencyPenalty": 5}
        self.assertEqual(self.lab.ask("List the months", maxTokens=12, sampling=sampling).tokens, expected)
        self.assertNotEqual(expected, known("List the months")["tokens"][:12])

    def test_a_bias_forces_and_bans_tokens(self):
        self.assertEqual(self.lab.ask(STORY, maxTokens=3, sampling={"logitBias": {"5": 100}}).tokens, [5, 5, 5])
        first = known(STORY)["tokens"][0]
        banned = self.lab.ask(STORY, maxTokens=1, sampling={"logitBias": {str(first): -100}})
        self.assertNotEqual(banned.tokens, [first])
        outside = self.lab.ask(STORY, sampling={"logitBias": {"1024": 1}})
        self.assertIsInstance(outside.error, InvalidRequest)
        self.assertIn("logitBias has the token id 1024", str(outside.error))

    def test_min_p_top_k_and_top_p_cut_off_what_is_improbable(self):
        prompt = self.prompt(STORY)
        probability = numpy.exp(self.logits(prompt)[-1].astype(numpy.float64))
        probability /= probability.sum()
        order = numpy.argsort(-probability)
        mass = probability[order].cumsum()
        second = probability[order[1]] / probability[order[0]]
        allowed = {
            ("topK", 3): set(order[:3].tolist()),
            ("minP", second * 0.9): set(numpy.flatnonzero(probability >= probability.max() * second * 0.9).tolist()),
            ("topP", 1 - 1e-3): set(order[: int((mass < 1 - 1e-3).sum()) + 1].tolist()),
        }
        for (name, value), tokens in allowed.items():
            drawn = {
                self.lab.ask(STORY, maxTokens=1, sampling={"temperature": 50, "seed": seed, name: value}).tokens[0]
                for seed in range(40)
            }
            self.assertLessEqual(drawn, tokens, name)
            self.assertGreater(len(drawn), 1, name)


class ResponseFormats(Shared):
    def check(self, call):
        value = json.loads(call.text)
        self.assertEqual(list(value), ["name", "age", "tags"])
        self.assertTrue(len(value["name"]) <= 20 and 0 <= value["age"] <= 150)
        self.assertTrue(1 <= len(value["tags"]) <= 3 and set(value["tags"]) <= {"a", "b"})
        self.assertEqual(call.result["finishReason"], "stop")

    def test_a_schema_is_kept_greedy_and_sampled(self):
        wanted = {"type": "jsonSchema", "schema": SCHEMA}
        self.check(self.lab.ask("Who are you?", responseFormat=wanted))
        for seed in range(10):
            sampling = {"temperature": 5, "seed": seed}
            self.check(self.lab.ask("Who are you?", responseFormat=wanted, sampling=sampling))

    def test_a_schema_is_kept_beside_free_requests_that_it_does_not_change(self):
        wanted = {"type": "jsonSchema", "schema": SCHEMA}
        alone = self.lab.ask("Who are you?", responseFormat=wanted).tokens
        free = [self.lab.start(one["messages"][-1]["content"]) for one in PLAIN[:4]]
        kept = [self.lab.start("Who are you?", responseFormat=wanted) for _ in range(4)]
        self.lab.finish(*free, *kept)
        for call in kept:
            self.check(call)
            self.assertEqual(call.tokens, alone)
        self.assertEqual([call.tokens for call in free], [one["tokens"] for one in PLAIN[:4]])

    def test_regex_choice_and_any_object(self):
        for pattern in ("[0-9]{3}-[a-f]{2}", "(yes|no), [A-Z]{5}!", "<think>[ab]{4}</think>", "ü{2}漢?😀"):
            call = self.lab.ask("Who are you?", responseFormat={"type": "regex", "pattern": pattern})
            self.assertTrue(re.fullmatch(pattern, call.text), call.text)
            self.assertEqual(call.thinking, "")
            self.assertEqual(call.result["finishReason"], "stop")
        choices = ["yes", "no", "yesterday", 'a "quoted\\\n" line', "<|im_end|>"]
        for seed in range(8):
            wanted = {"type": "choice", "choices": choices}
            call = self.lab.ask("Hm?", responseFormat=wanted, sampling={"temperature": 20, "seed": seed})
            self.assertIn(call.text, choices)
        call = self.lab.ask("Who are you?", responseFormat={"type": "json"}, maxTokens=400, sampling={"seed": 3})
        if call.result["finishReason"] == "stop":
            self.assertIsInstance(json.loads(call.text), dict)

    def test_what_max_tokens_cut_says_so(self):
        call = self.lab.ask("Who are you?", responseFormat={"type": "jsonSchema", "schema": SCHEMA}, maxTokens=6)
        self.assertEqual(call.result["finishReason"], "length")

    def test_what_cannot_be_enforced_is_refused_by_name(self):
        bad = {
            "uniqueItems": {"type": "array", "uniqueItems": True},
            "not": {"not": {"type": "string"}},
            "if": {"if": {}, "then": {}},
            "contains": {"type": "array", "contains": {}},
            "nosuch": {"type": "string", "format": "nosuch"},
            "strin": {"type": "strin"},
            "minimum": {"type": "integer", "minimum": 5, "maximum": 3},
            "http://": {"$ref": "http://localhost/schema"},
            "no text": {"$ref": "#"},
            "oneOf": {"oneOf": [{"type": "string"}, {"type": "string"}]},
            "its own": {"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]},
        }
        for name, schema in bad.items():
            call = self.lab.start("Hm?", responseFormat={"type": "jsonSchema", "schema": schema})
            self.assertIsInstance(call.error, InvalidRequest, name)
            self.assertIn(name, str(call.error))
            self.assertNotIn("coerce_one_of", str(call.error))
        for pattern in ("(", "(?=a)b", r"\1", r"[^\s\S]"):
            call = self.lab.start("Hm?", responseFormat={"type": "regex", "pattern": pattern})
            self.assertIsInstance(call.error, InvalidRequest)
            self.assertIn("responseFormat.pattern", str(call.error))

    def test_an_invalid_answer_is_an_error_after_its_text(self):
        schema = {"type": "number", "exclusiveMinimum": 0}
        with mock.patch("mlx4j_worker.text.schemas.tighten", return_value={"const": 0}):
            call = self.lab.ask("Who are you?", responseFormat={"type": "jsonSchema", "schema": schema})
        self.assertIsInstance(call.error, InvalidAnswer)
        self.assertIn("$ does not conform to exclusiveMinimum", str(call.error))
        self.assertEqual("0", call.text)
        self.assertEqual("0", self.lab.ask("Who?", responseFormat={"type": "jsonSchema", "schema": {"const": 0}}).text)

    def test_no_key_comes_twice(self):
        """With two possible keys, a text that has begun the first one again has no end."""
        schema = {"type": "object", "patternProperties": {"^[ab]$": {"const": 1}}, "additionalProperties": False}
        wanted = {"type": "jsonSchema", "schema": {**schema, "minProperties": 2, "maxProperties": 2}}
        texts = []
        for seed in range(12):
            call = self.lab.ask("Who are you?", responseFormat=wanted, sampling={"temperature": 20, "seed": seed})
            if call.error:
                self.assertIsInstance(call.error, InvalidAnswer)
                self.assertIn("to repeat a key of an object", str(call.error))
            else:
                texts.append(call.text)
        self.assertTrue(texts)
        for text in texts:
            self.assertEqual({"a": 1, "b": 1}, json.loads(text))

    def test_without_its_packages_everything_else_works(self):
        for name in ("llguidance", "jsonschema"):
            with mock.patch.dict("sys.modules", {name: None}):
                call = self.lab.ask("Who are you?", responseFormat={"type": "json"})
            self.assertIsInstance(call.error, InvalidRequest)
            self.assertIn(f"responseFormat needs {name}", str(call.error))
        self.assertEqual(self.lab.ask("Who are you?").text, known("Who are you?")["text"])

    def test_thinking_that_the_template_opened_comes_before_and_free(self):
        template = (MODEL / "chat_template.jinja").read_text()
        folder = copy_of_model(self)
        (folder / "chat_template.jinja").write_text(template + "{{- '<think>A whale' }}\n<think>\n")
        opened = lab(folder)
        wanted = {"type": "choice", "choices": ["yes", "no"]}
        call = opened.ask("Think: is a whale a fish?", responseFormat=wanted, maxTokens=400)
        if call.result["finishReason"] == "stop":
            self.assertIn(call.text, ["yes", "no"])
        self.assertNotEqual(call.thinking, "")


class ThinkingAndTools(Shared):
    def test_thinking_is_apart_from_the_answer(self):
        one = next(one for one in KNOWN if "<think>" in one["text"])
        call = self.lab.ask(one["messages"][-1]["content"])
        self.assertEqual(call.tokens, one["tokens"])
        self.assertEqual(f"<think>{call.thinking}</think>{call.text}", one["text"])
        self.assertEqual(call.result["usage"]["thinkingTokens"], one["tokens"].index(1021) + 1)

    def test_a_raw_prompt_has_everything_as_text(self):
        one = next(one for one in KNOWN if "<think>" in one["text"])
        prompt = self.tokenizer.apply_chat_template(one["messages"], tokenize=False, add_generation_prompt=True)
        self.assertEqual(self.lab.ask(prompt=prompt).text, one["text"])

    def test_thinking_can_be_switched_off(self):
        call = self.lab.ask("Think: is a whale a fish?", thinking=False)
        self.assertNotIn(1020, call.tokens)
        folder = copy_of_model(self)
        template = (folder / "chat_template.jinja").read_text()
        template = re.sub(r"{%- if enable_thinking.*?endif %}", "", template, flags=re.S)
        (folder / "chat_template.jinja").write_text(template)
        refused = lab(folder).ask("Hm?", thinking=False)
        self.assertIn("thinking can't be switched off", str(refused.error))

    def test_calls_are_read(self):
        for one in (one for one in KNOWN if "tools" in one):
            tools = [tool["function"] for tool in one["tools"]]
            messages = [
                {k: v for k, v in m.items() if k in ("role", "content")} for m in one["messages"] if m["role"] != "tool"
            ]
            if len(messages) != len(one["messages"]):
                continue
            call = self.lab.ask(messages=messages, tools=tools)
            self.assertEqual(call.tokens, one["tokens"])
            if "<tool_call>" in one["text"]:
                written = json.loads(re.search("<tool_call>(.*)</tool_call>", one["text"]).group(1))
                (made,) = call.result["toolCalls"]
                self.assertEqual({**made, "id": None}, {**written, "id": None})
                self.assertEqual((call.text, call.result["finishReason"]), ("", "toolCalls"))

    def test_a_call_that_cannot_be_read_is_reported_whole(self):
        one = next(one for one in KNOWN if "tools" in one and "<tool_call>" in one["text"])
        tools = [tool["function"] for tool in one["tools"]]
        banned = {str(self.tokenizer.convert_tokens_to_ids("}")): -100, "342": -100, "473": -100}
        call = self.lab.ask(messages=one["messages"], tools=tools, sampling={"logitBias": banned}, maxTokens=60)
        (unread,) = call.result["unreadToolCalls"]
        self.assertTrue(unread["text"].startswith('{"name": "getWeather"'), unread)
        self.assertIn("JSONDecodeError", unread["reason"])
        self.assertEqual(call.result["toolCalls"], [])

    def test_tools_without_a_way_to_read_calls_are_refused(self):
        folder = copy_of_model(self)
        template = (folder / "chat_template.jinja").read_text().replace("<tool_call>", "<invoke>")
        (folder / "chat_template.jinja").write_text(template)
        refused = lab(folder).ask("Hm?", tools=[{"name": "f"}])
        self.assertIsInstance(refused.error, InvalidRequest)
        self.assertIn("tools", str(refused.error))


class Prompts(Shared):
    def test_tokens_and_template_are_those_of_generation(self):
        from mlx4j_worker.requests.prompt import parse_prompt

        request = parse_prompt({"messages": [{"role": "user", "content": "Hm?"}]}, ("messages",))
        self.assertEqual(self.lab.engine.prompt(request).tokens, self.prompt("Hm?"))
        self.assertEqual(self.tokenizer.encode(self.lab.engine.render(request)), self.prompt("Hm?"))

    def test_the_author_s_sampling_is_the_default(self):
        author = {"do_sample": True, "temperature": 4.0, "top_k": 300, "repetition_penalty": 1.2, "top_p": 7}
        sampled = lab(copy_of_model(self, generation_config=author))
        given = {"temperature": 4.0, "topK": 300, "repetitionPenalty": 1.2}
        self.assertEqual(sampled.engine.describe()["samplingDefaults"], given)
        by_default = sampled.ask(STORY, sampling={"seed": 5}, maxTokens=30).tokens
        self.assertEqual(self.lab.ask(STORY, sampling={"seed": 5, **given}, maxTokens=30).tokens, by_default)
        greedy = {"temperature": 0, "repetitionPenalty": 1}
        self.assertEqual(sampled.ask(STORY, sampling=greedy).tokens, known(STORY)["tokens"])


class Embedding(Shared):
    def by_hand(self, text):
        hidden = self.model.model(mx.array([self.tokenizer.encode(text)])).astype(mx.float32)
        return numpy.array(hidden.mean(axis=1)[0])

    def test_it_is_the_mean_of_the_last_hidden_states(self):
        texts = ["Hello World", LONG, "ü"]
        call = self.lab.finish(self.lab.embed(*texts))
        tokens = sum(len(self.tokenizer.encode(text)) for text in texts)
        self.assertEqual(call.result, {"count": 3, "dimensions": 192, "promptTokens": tokens, "truncated": 0})
        for vector, text in zip(call.vectors, texts, strict=True):
            numpy.testing.assert_allclose(vector, self.by_hand(text), atol=tolerance(1e-5))

    def test_it_goes_on_beside_generation(self):
        story, call = self.lab.start(STORY), self.lab.embed(LONG)
        self.lab.finish(story, call)
        self.assertEqual(story.tokens, known(STORY)["tokens"])
        numpy.testing.assert_allclose(call.vectors[0], self.by_hand(LONG), atol=tolerance(1e-5))

    def test_a_text_without_tokens_is_refused(self):
        self.assertIsInstance(self.lab.embed("fine", "").error, InvalidRequest)


class PrefixCaching(unittest.TestCase):
    def setUp(self):
        self.lab = lab(prefixCacheBytes=1 << 30)
        self.prefixes = self.lab.engine._prefixes

    def test_the_next_turn_takes_up_the_one_before(self):
        first = self.lab.ask(STORY)
        turns = [{"role": "user", "content": STORY}, {"role": "assistant", "content": first.text}]
        turns.append({"role": "user", "content": "List the months"})
        warm = self.lab.ask(messages=turns, maxTokens=40)
        cold = lab().ask(messages=turns, maxTokens=40)
        self.assertEqual(warm.tokens, cold.tokens)
        held = first.result["usage"]["promptTokens"] + first.result["usage"]["completionTokens"]
        self.assertGreaterEqual(warm.result["usage"]["cachedTokens"], held - 1)
        self.assertEqual(cold.result["usage"]["cachedTokens"], 0)

    def test_the_same_prompt_again_is_an_exact_hit(self):
        prompt = self.lab.ask(STORY, maxTokens=1).result["usage"]["promptTokens"]
        for _ in range(3):
            again = self.lab.ask(STORY)
            self.assertEqual(again.tokens, known(STORY)["tokens"])
            self.assertEqual(again.result["usage"]["cachedTokens"], prompt - 1)

    def test_what_was_kept_stays_as_it_was(self):
        for question in ("Who are you?", STORY, "List the months", STORY, "Who are you?"):
            self.assertEqual(self.lab.ask(question).tokens, known(question)["tokens"])

    def test_a_cancelled_request_leaves_its_prefix(self):
        call = self.lab.start(prompt=LONG, maxTokens=50)
        self.lab.step(3)
        self.assertEqual(call.tokens, [])
        call.cancelled = True
        self.lab.step()
        again = self.lab.ask(prompt=LONG, maxTokens=5)
        self.assertGreater(again.result["usage"]["cachedTokens"], 60)
        call = self.lab.start(STORY)
        beside = self.lab.start("List the months")
        while len(call.tokens) < 20:
            self.lab.step()
        call.cancelled = True
        self.lab.finish(beside)
        prompt = self.lab.engine._loaded.tokenizer.apply_chat_template(
            [{"role": "user", "content": STORY}], add_generation_prompt=True
        )
        more = self.lab.ask(tokens=prompt + known(STORY)["tokens"][:30])
        self.assertGreaterEqual(more.result["usage"]["cachedTokens"], len(prompt) + 15)
        self.assertEqual(known(STORY)["tokens"][:30] + more.tokens, known(STORY)["tokens"])

    def test_requests_at_once_share_what_they_begin_with(self):
        calls = [self.lab.start(prompt=f"{LONG} {i}", maxTokens=4) for i in range(4)]
        alone = [lab().ask(prompt=f"{LONG} {i}", maxTokens=4).tokens for i in range(4)]
        self.lab.finish(*calls)
        cached = [call.result["usage"]["cachedTokens"] for call in calls]
        self.assertEqual(cached[0], 0)
        self.assertTrue(all(n > 400 for n in cached[1:]), cached)
        self.assertEqual([call.tokens for call in calls], alone)

    def test_a_request_takes_what_another_has_while_that_one_decodes(self):
        first = self.lab.start(prompt=f"{LONG} once", maxTokens=400)
        other = self.lab.start("List the months", maxTokens=400)
        while not first.tokens:
            self.lab.step()
        second = self.lab.ask(prompt=f"{LONG} twice", maxTokens=4)
        self.assertFalse(first.ended)
        self.assertGreater(second.result["usage"]["cachedTokens"], 400)
        self.lab.finish(first, other)
        self.assertEqual(other.tokens, known("List the months")["tokens"])

    def test_a_neighbour_s_prefix_shows_in_cached_tokens_unless_the_salts_differ(self):
        secret = "The password of the vault is swordfish, and nobody else may know it. " * 4
        guess = {"prompt": secret, "maxTokens": 2}
        for salts, seen in (((None, None), True), (("a", "a"), True), (("a", "b"), False), (("a", None), False)):
            for beside in (False, True):  # once its neighbour has ended, and while it decodes or is still prefilled
                with self.subTest(salts=salts, beside=beside):
                    shared = lab(prefixCacheBytes=1 << 28)
                    first, second = ({**guess, **({"cacheSalt": salt} if salt else {})} for salt in salts)
                    neighbour = shared.start(**{**first, "maxTokens": 40})
                    shared.step() if beside else shared.finish(neighbour)
                    found = shared.start(**second)
                    shared.step()
                    self.assertEqual(
                        bool(shared.engine._waiting), beside and seen
                    )  # nor does it wait for others' prefixes
                    shared.finish(found)
                    self.assertEqual(found.result["usage"]["cachedTokens"] > 0, seen)
                    shared.finish(neighbour)
                    again = shared.ask(**second)
                    self.assertGreater(again.result["usage"]["cachedTokens"], 0)
                    self.assertEqual(again.tokens, found.tokens)

    def test_its_bytes_never_exceed_the_cap(self):
        cap = 3_000_000
        small = lab(prefixCacheBytes=cap)
        for i in range(6):
            small.start(f"{i} {LONG[: 300 * i]}", maxTokens=10)
            small.step(3)
            small.start(STORY, maxTokens=50)
        while small.engine.busy:
            small.step()
            kept = small.engine._prefixes._kept.values()
            real = sum(layer.keys.nbytes + layer.values.nbytes for _, cache, _ in kept for layer in cache)
            self.assertEqual(small.engine._prefixes.nbytes, real)
            self.assertLessEqual(real, cap)
        self.assertGreater(len(small.engine._prefixes), 0)

    def test_it_gives_way_when_memory_is_short(self):
        self.lab.ask(STORY)
        per_token = self.lab.engine._budget.bytes_per_token
        with mock.patch.object(engine_module, "available_bytes", lambda _limit: 100 * per_token):
            self.lab.ask("Who are you?", maxTokens=20)
            self.assertGreater(len(self.prefixes), 0)
            self.lab.start("Who are you?", maxTokens=400)
        self.assertEqual(len(self.prefixes), 0)


class Kept(unittest.TestCase):
    """PrefixCache by itself, with caches of every kind."""

    def cache(self, length, layers=2):
        made = [caches.KVCache() for _ in range(layers)]
        for layer in made:
            layer.update_and_fetch(mx.ones((1, 1, length, 8)), mx.ones((1, 1, length, 8)))
        return made

    def test_a_longer_one_replaces_what_it_begins_with(self):
        kept, one = PrefixCache(1 << 30, CopiedCaches()), list(range(1, 21))
        kept.put(one[:10], self.cache(10))
        kept.put(one, self.cache(20))
        self.assertEqual(len(kept), 1)
        kept.put(one[:9], self.cache(9))
        self.assertEqual(len(kept), 1)
        found, shared = kept.take([*one[:12], 99, 98])
        self.assertEqual((shared, found[0].offset), (12, 12))
        self.assertEqual(kept.take(one[:1])[1], 0)
        self.assertEqual(kept.take([*one[:5], 99])[1], 0)  # not worth a copy
        self.assertEqual(kept.take([7] * 20)[1], 0)
        self.assertEqual(kept.take(one, "salt")[1], 0)

    def test_what_is_taken_can_grow_and_what_is_kept_stays(self):
        kept, one = PrefixCache(1 << 30, CopiedCaches()), list(range(1, 21))
        kept.put(one, self.cache(20))
        for _ in range(2):
            found, _ = kept.take([*one[:12], 99])
            keys, _ = found[0].update_and_fetch(mx.zeros((1, 1, 3, 8)), mx.zeros((1, 1, 3, 8)))
            self.assertEqual((keys.shape[2], keys.sum().item(), found[0].offset), (15, 12 * 8, 15))

    def test_the_least_recently_used_goes_first_and_what_is_too_large_never_comes(self):
        one = self.cache(10)
        size = sum(layer.nbytes for layer in one)
        kept = PrefixCache(size * 2, CopiedCaches())
        kept.put([1] * 10, one)
        kept.put([2] * 10, self.cache(10))
        kept.take([1] * 11)
        kept.put([3] * 10, self.cache(10))
        self.assertEqual([kept.shared([n] * 11) for n in (1, 2, 3)], [10, 0, 10])
        kept.put([4] * 3000, self.cache(3000))
        self.assertEqual(kept.shared([4] * 11), 0)
        self.assertLessEqual(kept.nbytes, size * 2)

    def test_a_cache_that_cannot_be_trimmed_is_used_whole_or_not_at_all(self):
        state = [caches.ArraysCache(2)]
        state[0][0] = mx.ones((1, 4))
        state[0][1] = mx.ones((1, 4))
        kept, one = PrefixCache(1 << 30, CopiedCaches()), list(range(1, 11))
        kept.put(one, state)
        self.assertEqual(kept.take([*one[:9], 99, 98])[1], 0)
        self.assertEqual(kept.take(one)[1], 0)
        found, shared = kept.take([*one, 99])
        self.assertEqual(shared, 10)
        found[0][0] = mx.zeros((1, 4))
        self.assertEqual(kept.take([*one, 99])[0][0][0].sum().item(), 4)


class OtherArchitectures(unittest.TestCase):
    """Caches that aren't plain ones: random weights, but the same tokens as mlx-lm's own loop."""

    def check(self, model):
        mx.random.seed(1)
        mx.eval(model.parameters())
        base = lab()
        parts = base.engine._loaded
        fields = {**vars(parts), "model": model, "decoder": Batch(model, Options()), "hidden_states": None}
        base.engine = engine_module.MlxEngine("made here", loading.LoadedModel(**fields), Options())
        tokenizer = base.engine._loaded.tokenizer
        prompts = [tokenizer.encode(text) for text in ("Hello World", LONG[:400], LONG[:401] + " more", "Who?")]
        eos = tokenizer.eos_token_ids
        tokenizer.eos_token_ids = set()
        expected = [[r.token for r in stream_generate(model, tokenizer, p, max_tokens=12)] for p in prompts]
        tokenizer.eos_token_ids = eos
        alone = [base.ask(tokens=p, maxTokens=12, sampling={"logitBias": {"2": -100}}) for p in prompts]
        self.assertEqual([call.tokens for call in alone], expected)
        again = base.ask(tokens=prompts[1] + alone[1].tokens, maxTokens=4)
        self.assertGreater(again.result["usage"]["cachedTokens"], len(prompts[1]) - 2)
        calls = []
        for p in prompts:
            calls.append(base.start(tokens=p, maxTokens=12))
            base.step()
        base.finish(*calls)
        self.assertEqual([call.tokens for call in calls], expected)

    def test_sliding_window(self):
        self.check(
            gemma3_text.Model(
                gemma3_text.ModelArgs(
                    model_type="gemma3_text",
                    hidden_size=64,
                    num_hidden_layers=3,
                    intermediate_size=128,
                    num_attention_heads=2,
                    num_key_value_heads=1,
                    head_dim=32,
                    vocab_size=1024,
                    sliding_window=64,
                    sliding_window_pattern=2,
                    query_pre_attn_scalar=32,
                )
            )
        )

    def test_recurrent_state(self):
        self.check(
            mamba2.Model(
                mamba2.ModelArgs(
                    model_type="mamba2",
                    num_heads=4,
                    head_dim=16,
                    vocab_size=1024,
                    hidden_size=32,
                    intermediate_size=64,
                    state_size=16,
                    num_hidden_layers=2,
                    layer_norm_epsilon=1e-5,
                    conv_kernel=4,
                    n_groups=1,
                    use_bias=False,
                    use_conv_bias=True,
                    tie_word_embeddings=True,
                    time_step_limit=(0.001, 100.0),
                    time_step_rank="auto",
                )
            )
        )


class Modes(unittest.TestCase):
    def test_a_quantized_kv_cache_serves_one_at_a_time(self):
        for bits in (8, 4):
            quantized = lab(kvBits=bits, prefixCacheBytes=1 << 30)
            self.assertFalse(quantized.engine.describe()["concurrent"])
            calls = quantized.finish(quantized.start("Who are you?"), quantized.start("List the months"))
            if bits == 8:
                self.assertEqual(calls[1].text, known("List the months")["text"])
            again = quantized.ask("List the months")
            self.assertEqual(again.tokens, calls[1].tokens)
            self.assertGreater(again.result["usage"]["cachedTokens"], 5)

    def test_a_bounded_kv_cache(self):
        bounded = lab(kvTokens=128)
        calls = [bounded.start("Who are you?"), bounded.start(STORY, maxTokens=400), bounded.start(prompt=LONG)]
        bounded.finish(*calls)
        self.assertEqual(calls[0].text, known("Who are you?")["text"])
        self.assertEqual(calls[1].tokens[:90], known(STORY)["tokens"][:90])
        self.assertGreater(len(calls[1].tokens), 128)
        self.assertFalse(bounded.engine.describe()["concurrent"])
        model, tokenizer = bounded.engine._loaded.model, bounded.engine._loaded.tokenizer
        own = [caches.RotatingKVCache(128, keep=4) for _ in range(4)]
        prompt = tokenizer.encode(LONG)
        expected = stream_generate(model, tokenizer, prompt, max_tokens=40, prompt_cache=own, prefill_step_size=64)
        expected = [r.token for r in expected if r.token not in tokenizer.eos_token_ids]
        self.assertEqual(calls[2].tokens[:40], expected)

    def test_a_bound_is_refused_where_it_cannot_be_kept(self):
        model = mock.Mock(make_cache=lambda: [caches.ArraysCache(2)])
        with self.assertRaisesRegex(InvalidRequest, "cache is of its own kind"):
            loading._decoder(model, None, Options(kv_tokens=64), {}, None)
        for other in ({"kvBits": 8}, {"draftModel": str(MODEL)}):
            with self.assertRaisesRegex(InvalidRequest, "kvTokens"):
                lab(kvTokens=64, **other)
        with self.assertRaisesRegex(InvalidRequest, "kvBits"):
            lab(kvBits=8, draftModel=str(MODEL))

    def test_a_draft_model_gives_the_same_text_sooner(self):
        drafted = lab(draftModel=str(MODEL), prefixCacheBytes=1 << 30)
        self.assertFalse(drafted.engine.describe()["concurrent"])
        self.assertIn("draftModel", drafted.engine.describe()["capabilities"])
        self.assertNotIn("responseFormat", drafted.engine.describe()["capabilities"])
        for question in (STORY, "Who are you?", "List the months", STORY):
            call = drafted.ask(question)
            self.assertEqual(call.tokens, known(question)["tokens"])
            self.assertGreater(call.result["usage"]["draftedTokens"], len(call.tokens) // 2)
        self.assertGreater(call.result["usage"]["cachedTokens"], 5)
        self.assertEqual(drafted.ask(STORY, maxTokens=7).tokens, known(STORY)["tokens"][:7])
        sampling = {"temperature": 2, "seed": 3}
        wild = [drafted.ask(STORY, sampling=sampling, maxTokens=30).tokens for _ in range(2)]
        wild.append(lab().ask(STORY, sampling=sampling, maxTokens=30).tokens)
        self.assertEqual(wild[1:], wild[:-1])
        cancelled = drafted.start(STORY)
        drafted.step(8)
        cancelled.cancelled = True
        drafted.finish(cancelled)
        self.assertEqual(drafted.ask(STORY, logProbs=0).tokens, known(STORY)["tokens"])
        self.assertEqual(len(drafted.finish(drafted.embed("Hello World")).vectors[0]), 192)

    def test_a_draft_that_guesses_badly_changes_nothing(self):
        folder = copy_of_model(self, config={"num_hidden_layers": 1})
        weights = mx.load(str(folder / "model.safetensors"))
        kept = {n: w for n, w in weights.items() if not re.search(r"layers\.[1-9]", n)}
        mx.save_safetensors(str(folder / "model.safetensors"), kept, {"format": "mlx"})
        drafted = lab(draftModel=str(folder))
        call = drafted.ask(STORY)
        self.assertEqual(call.tokens, known(STORY)["tokens"])
        self.assertLess(call.result["usage"]["draftedTokens"], len(call.tokens) // 2)

    def test_what_a_draft_model_cannot_honour_is_refused_by_name(self):
        drafted = lab(draftModel=str(MODEL))
        for params, name in (
            ({"responseFormat": {"type": "json"}}, "responseFormat"),
            ({"sampling": {"repetitionPenalty": 1.1}}, "sampling.repetitionPenalty"),
            ({"sampling": {"logitBias": {"5": 1}}}, "sampling.logitBias"),
        ):
            self.assertIn(name, str(drafted.ask("Hm?", **params).error))
        folder = copy_of_model(self)
        tokenizer = json.loads((folder / "tokenizer.json").read_text())
        tokenizer["added_tokens"][-1]["content"] = "<other>"
        (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
        with self.assertRaisesRegex(InvalidRequest, "another vocabulary"):
            lab(draftModel=str(folder))


class Adapters(unittest.TestCase):
    def adapter(self, config=None, scale=20.0, rank=4, width=192):
        folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, folder)
        given = {"num_layers": 4, "fine_tune_type": "lora"}
        given["lora_parameters"] = {"rank": rank, "scale": scale, "dropout": 0.0, "keys": ["self_attn.q_proj"]}
        (folder / "adapter_config.json").write_text(json.dumps(given if config is None else config))
        mx.random.seed(3)
        weights = {}
        for i in range(4):
            weights[f"model.layers.{i}.self_attn.q_proj.lora_a"] = mx.random.normal((width, rank)) * 0.1
            weights[f"model.layers.{i}.self_attn.q_proj.lora_b"] = mx.random.normal((rank, 192)) * 0.1
        mx.save_safetensors(str(folder / "adapters.safetensors"), weights)
        return folder

    def test_an_adapter_changes_the_model(self):
        changed = lab(adapter=str(self.adapter()))
        self.assertNotEqual(changed.ask(STORY, maxTokens=30).tokens, known(STORY)["tokens"][:30])
        names = [name for name, _ in tree_flatten(changed.engine._loaded.model.parameters())]
        self.assertTrue(any("lora_a" in name for name in names))
        nothing = lab(adapter=str(self.adapter(scale=0.0)))
        self.assertEqual(nothing.ask(STORY).tokens, known(STORY)["tokens"])

    def test_what_is_no_adapter_for_this_model_is_refused_with_the_reason(self):
        for folder, why in (
            (self.adapter(config={"rank": 4}), "neither a PEFT nor an mlx-lm adapter"),
            (self.adapter(width=64), "made for this model"),
        ):
            with self.assertRaises(ModelLoadFailed) as refused:
                lab(adapter=str(folder))
            self.assertIn(why, f"{refused.exception} {refused.exception.hint}")
        empty = self.adapter()
        (empty / "adapters.safetensors").unlink()
        with self.assertRaisesRegex(ModelLoadFailed, r"no adapters\.safetensors"):
            lab(adapter=str(empty))


class Chunks(unittest.TestCase):
    def learned(self, seconds_of_token, contexts=range(0, 2000, 100), tokens=64):
        size = ChunkSize()
        for context in contexts:
            size.learn(tokens, context, sum(seconds_of_token(context + i) for i in range(tokens)))
        return size

    def test_it_begins_with_a_guess(self):
        self.assertEqual(ChunkSize().tokens(0), ChunkSize.FIRST)
        size = ChunkSize()
        size.learn(1, 0, 5.0)
        self.assertEqual(size.tokens(0), ChunkSize.FIRST)

    def test_chunks_take_one_time_however_the_cost_grows(self):
        for seconds_of_token in (lambda _: 0.001, lambda c: 0.0006 + c * 8e-7, lambda c: 0.0001 + c * 1e-6):
            size = self.learned(seconds_of_token)
            for context in (0, 500, 1500, 3000):
                tokens = size.tokens(context)
                seconds = sum(seconds_of_token(context + i) for i in range(tokens))
                self.assertLessEqual(seconds, ChunkSize.SECONDS * 1.15)
                more = tokens + ChunkSize.MIN_TOKENS
                self.assertGreater(sum(seconds_of_token(context + i) for i in range(more)), ChunkSize.SECONDS * 0.85)

    def test_it_stays_within_its_bounds(self):
        self.assertEqual(self.learned(lambda _: 1e-7).tokens(0), ChunkSize.MAX_TOKENS)
        self.assertEqual(self.learned(lambda _: 1.0).tokens(0), ChunkSize.MIN_TOKENS)
        self.assertEqual(self.learned(lambda c: max(0.0, 0.01 - c * 1e-5)).tokens(10**6) % ChunkSize.MIN_TOKENS, 0)

    def test_it_forgets(self):
        size = self.learned(lambda _: 0.01)
        for _ in range(60):
            size.learn(64, 0, 64 * 0.001)
        self.assertEqual(size.tokens(0), 112)


if __name__ == "__main__":
    unittest.main()
