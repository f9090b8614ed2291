"""What a response format may cost, and that a costly request holds nobody else up in a real worker."""

import json
import subprocess
import sys
import tempfile
import threading
import unittest
from pathlib import Path
from unittest import mock

from transformers import AutoTokenizer

from engine_tests.harness import MODEL, SCHEMA, STORY
from mlx4j_worker.errors import InvalidRequest
from mlx4j_worker.requests.generate import ResponseFormat
from mlx4j_worker.text import grammar
from mlx4j_worker.text.grammar import Grammars

WORKER = Path(__file__).resolve().parents[1] / "mlx_worker.py"
SECONDS = 120  # for anything; only a broken worker needs it

MANY_PROPERTIES = {"type": "object", "properties": {f"property{i}": {"type": "string"} for i in range(1900)}}


class Costs(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        tokenizer = AutoTokenizer.from_pretrained(MODEL)
        cls.vocabulary = len(tokenizer)
        cls.grammars = Grammars(tokenizer, cls.vocabulary, [tokenizer.eos_token_id], "mlx4j setup mlx")

    def refused(self, kind, value):
        with self.assertRaises(InvalidRequest) as refused:
            self.grammars.constraint(ResponseFormat(kind, value))
        return str(refused.exception)

    def test_multiples_that_need_too_many_states(self):
        for schema in (
            {"type": "integer", "multipleOf": 999983},
            {"type": "number", "multipleOf": 9.99983},
            {"type": "integer", "allOf": [{"multipleOf": 65521}, {"multipleOf": 65519}]},
            {"properties": {str(i): {"type": "integer", "multipleOf": 9967 + i} for i in range(11)}},
        ):
            with self.subTest(schema):
                self.assertIn("multipleOf needs", self.refused("jsonSchema", schema))

    def test_options_of_the_library_are_refused(self):
        schema = {"type": "object", "x-guidance": {"lenient": True}, "not": {"required": ["a"]}}
        self.assertIn("x-guidance is not a keyword", self.refused("jsonSchema", schema))

    def test_schemas_that_are_invalid(self):
        for schema, why in (
            ({"multipleOf": -1}, "$.multipleOf"),
            ({"exclusiveMinimum": True}, "$.exclusiveMinimum"),
            ({"properties": {"a": {"type": "strnig"}}}, "$.properties.a.type"),
            ({"items": [{"type": "string"}]}, "$.items"),
            ({"required": ["x", "x"]}, "$.required"),
            ({"$schema": "http://json-schema.org/draft-03/schema#", "divisibleBy": 3}, "draft 3"),
        ):
            with self.subTest(schema):
                self.assertIn(why, self.refused("jsonSchema", schema))
        earlier = {"$schema": "http://json-schema.org/draft-07/schema#", "type": "array", "items": [{"type": "string"}]}
        self.grammars.constraint(ResponseFormat("jsonSchema", earlier))

    def test_multiples_of_every_day(self):
        for multiple in (0.01, 0.25, 5, 86_400, 1_000_000):
            with self.subTest(multiple):
                self.grammars.constraint(ResponseFormat("jsonSchema", {"type": "number", "multipleOf": multiple}))

    def test_an_object_with_too_many_properties(self):
        schema = {"type": "object", "properties": {f"property{i}": {"type": "string"} for i in range(5000)}}
        for nested in (schema, {"anyOf": [{"type": "array", "items": schema}]}):
            self.assertIn("5000 properties", self.refused("jsonSchema", nested))

    def test_a_large_format_within_the_limits(self):
        many = {f"p{i}": {"type": "object", "properties": {"a": {"type": "string"}}} for i in range(1250)}
        for kind, value in (
            ("jsonSchema", MANY_PROPERTIES),
            ("jsonSchema", {"type": "object", "properties": many}),
            ("choice", [f"{i}" + "x" * 4000 for i in range(1000)]),
            ("jsonSchema", {"enum": [f"{i}xyz" for i in range(10_000)]}),
        ):
            with self.subTest(kind):
                self.assertTrue(self.grammars.constraint(ResponseFormat(kind, value)).allowed().any())

    def test_only_texts_that_are_long_and_clear_are_not_forced(self):
        clear = [
            ("regex", "(a{1000}){50}"),
            ("regex", "a" * 20_000),
            ("regex", "(((((a{30}){30}){30}){30}){30}){30}"),
            ("choice", ["a" * 20_000]),
            ("jsonSchema", {"const": "a" * 20_000}),
            ("jsonSchema", {"type": "string", "pattern": "^a{20000}$"}),
        ]
        with mock.patch.object(grammar, "_without_forcing", wraps=grammar._without_forcing) as without:
            for kind, value in clear:
                self.grammars.constraint(ResponseFormat(kind, value))
            self.assertEqual(len(clear), without.call_count)
            for kind, value in (("jsonSchema", SCHEMA), ("regex", "[0-9]{5}"), ("choice", ["yes", "no"])):
                self.grammars.constraint(ResponseFormat(kind, value))
            self.assertEqual(len(clear), without.call_count)

    def test_a_limit_that_a_text_reaches_is_the_format_s_fault(self):
        constraint = self.grammars.constraint(ResponseFormat("jsonSchema", MANY_PROPERTIES))
        with self.assertRaises(InvalidRequest) as refused:
            for _ in range(100):
                constraint.accept(int(constraint.allowed().argmax()))
        self.assertRegex(str(refused.exception), "responseFormat.schema can't be enforced: .*max is")

    def test_a_key_is_written_in_one_way(self):
        """Otherwise a key could come twice, or a property be written past its schema."""
        schema = {"properties": {"a": {"type": "integer"}}}
        escape = self.token("u")
        self.assertFalse(self.after('{"\\', schema).allowed()[escape])
        with mock.patch.object(grammar, "_ESCAPES", {}):
            self.assertTrue(self.after('{"\\', schema).allowed()[escape], "llguidance allows them by default")

    def test_a_character_that_needs_an_escape_is_kept(self):
        for schema in ({"const": "a\x01b"}, {"type": "string", "pattern": r"^a\x01b$"}, {"enum": ["a\x01b"]}):
            with self.subTest(schema):
                allowed = self.after('"a', schema).allowed()
                self.assertTrue(allowed[self.token("\\")])
                self.assertFalse(allowed[self.token("b")])

    def token(self, text):
        (token,) = self.grammars._tokenizer.encode(text, add_special_tokens=False)
        return token

    def after(self, text, schema):
        """The constraint of a schema after a text."""
        constraint = self.grammars.constraint(ResponseFormat("jsonSchema", schema))
        for character in text:
            constraint.accept(self.token(character))
        return constraint

    def test_a_mask_is_computed_once(self):
        constraint = self.grammars.constraint(ResponseFormat("regex", "[0-9]{5}"))
        with mock.patch.object(constraint, "_fill", side_effect=AssertionError):
            self.assertTrue(constraint.allowed().any())


class Process:
    """A worker's process and its messages."""

    def __init__(self, test):
        folder = tempfile.mkdtemp()
        command = [sys.executable, "-I", "-X", "utf8", "-u", str(WORKER), "nonce", folder]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        test.addCleanup(self._process.wait)
        test.addCleanup(self._process.stdout.close)
        test.addCleanup(self._process.stdin.close)
        watch = threading.Timer(SECONDS, self._process.kill)
        watch.start()
        test.addCleanup(watch.cancel)
        self.events = []  # (id, method, or "answer" with the message), in their order
        self.answers = {}
        self.texts = {}  # id -> the texts of its chunks

    def call(self, call_id, method, **params):
        line = json.dumps({"jsonrpc": "2.0", "id": call_id, "method": method, "params": params})
        self._process.stdin.write(line.encode() + b"\n")
        self._process.stdin.flush()

    def cancel(self, call_id):
        line = json.dumps({"jsonrpc": "2.0", "method": "cancel", "params": {"id": call_id}})
        self._process.stdin.write(line.encode() + b"\n")
        self._process.stdin.flush()

    def until(self, condition):
        while not condition():
            line = self._process.stdout.readline()
            assert line, "the worker ended"
            message = json.loads(line)
            if "method" in message:
                params = message["params"]
                self.events.append((params.get("id"), message["method"]))
                self.texts.setdefault(params.get("id"), []).append(params.get("text", ""))
            else:
                self.events.append((message["id"], "answer"))
                self.answers[message["id"]] = message

    def answer(self, call_id):
        self.until(lambda: call_id in self.answers)
        return self.answers[call_id]

    def peak_bytes(self):
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) * 1024


class Neighbours(unittest.TestCase):
    """A neighbour's tokens go on while a costly request is prepared, in one worker."""

    def setUp(self):
        self.worker = Process(self)
        self.worker.call("load", "initialize", protocol={"major": 1, "minor": 0}, model={"source": str(MODEL)})
        self.assertIn("result", self.worker.answer("load"))

    def generate(self, call_id, tokens, **more):
        params = {"messages": [{"role": "user", "content": STORY}], "maxTokens": tokens, **more}
        self.worker.call(call_id, "generate", **params)

    def begin_neighbour(self):
        pattern = {"type": "regex", "pattern": "[a-z ]{2000}"}
        self.generate("neighbour", 100, responseFormat=pattern)
        self.worker.until(lambda: self.worker.events.count(("neighbour", "chunk")) > 3)

    def order(self, *call_ids):
        """Which of these calls were answered first, second …"""
        for call_id in call_ids:
            self.worker.answer(call_id)
        return [call_id for call_id, what in self.worker.events if what == "answer" and call_id in call_ids]

    def test_they_go_on_while_a_schema_compiles(self):
        part = {f"property{i}": {"type": "string"} for i in range(1900)}
        schema = {"properties": {str(i): {"type": "object", "properties": part} for i in range(3)}}
        self.begin_neighbour()
        self.generate("hostile", 2, responseFormat={"type": "jsonSchema", "schema": schema})
        self.generate("cancelled", 2, responseFormat={"type": "jsonSchema", "schema": schema})
        self.worker.cancel("cancelled")
        self.assertEqual(
            ["cancelled", "neighbour", "hostile"], self.order("hostile", "neighbour", "cancelled"), self.worker.answers
        )
        self.assertEqual("cancelled", self.worker.answer("cancelled")["error"]["data"]["kind"])

    def test_they_go_on_while_an_answer_is_validated(self):
        """The first pattern takes the validator as long as it may have: it tries each way to divide the text."""
        schema = {"allOf": [{"type": "string", "pattern": "^((a|a)*c|a{60})$"}, {"pattern": "^a*$"}]}
        self.generate("neighbour", 1500, responseFormat={"type": "regex", "pattern": "[a-z ]{2000}"})
        self.worker.until(lambda: ("neighbour", "chunk") in self.worker.events)
        self.generate("hostile", 200, responseFormat={"type": "jsonSchema", "schema": schema})
        error = self.worker.answer("hostile")["error"]
        self.assertEqual(("invalid_answer", True), (error["data"]["kind"], error["data"]["retryable"]))
        self.assertIn("could not be validated within 5 s", error["message"])
        events = self.worker.events
        last = max(at for at, event in enumerate(events) if event == ("hostile", "chunk"))
        self.assertGreater(events[last:].count(("neighbour", "chunk")), 3)

    def test_an_answer_can_be_cancelled_while_it_is_validated(self):
        schema = {"allOf": [{"type": "string", "pattern": "^((a|a)*c|a{60})$"}, {"pattern": "^a*$"}]}
        self.generate("hostile", 200, responseFormat={"type": "jsonSchema", "schema": schema})
        self.worker.until(lambda: "a" * 60 in "".join(self.worker.texts.get("hostile", [])))
        self.worker.cancel("hostile")
        self.assertEqual("cancelled", self.worker.answer("hostile")["error"]["data"]["kind"])

    def test_they_go_on_while_a_long_text_is_tokenized(self):
        self.begin_neighbour()
        self.worker.call("count", "countTokens", prompt="A whale is no fish. " * 100_000)
        self.assertEqual(["neighbour", "count"], self.order("count", "neighbour"))

    @unittest.skipUnless(Path("/proc/self/status").exists(), "the peak of memory is in /proc")
    def test_a_huge_prompt_takes_little_memory(self):
        before = self.worker.peak_bytes()
        self.worker.call("huge", "generate", prompt="A whale is no fish. " * 400_000, maxTokens=1)
        self.assertEqual("context_overflow", self.worker.answer("huge")["error"]["data"]["kind"])
        self.assertLess(self.worker.peak_bytes() - before, 300_000_000)
