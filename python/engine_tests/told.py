"""Tests that make the model of an engine say the texts of sayings.py; each engine's tests derive from Told."""

import json
import random
import shutil
import tempfile
import unittest
from pathlib import Path

from engine_tests.harness import MODEL, generate, load
from engine_tests.sayings import PATH, SAYINGS, THINK, WEATHER, outcome
from mlx4j_worker.errors import InvalidRequest
from mlx4j_worker.requests.prompt import parse_prompt
from mlx4j_worker.text.detokenizer import Decoder, Detokenizer
from mlx4j_worker.text.end_tokens import NONE_STATED

_UNUSED = ("<unused1>", "<unused2>")


class Told(unittest.TestCase):
    """A subclass has ``load`` and ``script(engine, tokens)``, a context in which the model writes these tokens."""

    load = None
    script = None

    def other(self, template, **files):
        """An engine with another chat template; ``files`` are JSON files by name, and what to change in them."""
        folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, folder)
        copy = Path(shutil.copytree(MODEL, folder / "model"))
        if isinstance(template, str):
            (copy / "chat_template.jinja").write_text(template, encoding="utf-8")
        else:
            (copy / "chat_template.jinja").unlink()
            files["tokenizer_config"] = {"chat_template": template}
        for name, changes in files.items():
            path = copy / f"{name}.json"
            path.write_text(json.dumps(json.loads(path.read_text()) | changes))
        return load(type(self).load, copy)

    def render(self, engine, **params):
        return engine.render(parse_prompt({"messages": [{"role": "user", "content": "Hm?"}], **params}, ("messages",)))

    def test_the_switch_goes_by_the_name_that_the_template_reads(self):
        for switch in ("enable_thinking", "thinking"):
            with self.subTest(switch):
                sets = f"{{%- if false and {switch} is not defined %}}{{%- set {switch} = 1 %}}{{%- endif %}}"
                reads = f"{sets}{{%- if {switch} is defined %}}{{{{- 'told ' + {switch} | string }}}}{{%- endif %}}"
                engine = self.other(f"{reads}{{#- <think></think> #}}")
                self.assertIn("thinkingSwitch", engine.describe()["capabilities"])
                self.assertEqual(self.render(engine), "")
                self.assertEqual(self.render(engine, thinking=False), "told False")
                self.assertEqual(self.render(engine, thinking=True), "told True")

    def test_a_switch_may_have_a_default(self):
        engine = self.other("{%- set thinking = thinking | default(true) %}{{- thinking }}{#- <think></think> #}")
        self.assertEqual((self.render(engine), self.render(engine, thinking=False)), ("True", "False"))

    def test_a_template_is_not_evaluated_when_it_is_loaded(self):
        """Python would need 2 GB for the text, and hours for the number."""
        for costly in ("'a' * 2000000000", "(7 ** 900000000) % 3", "('a\\n' * 100000) | indent(100000)"):
            with self.subTest(costly):
                engine = self.other("{%- if false and thinking %}{%- endif %}{{- (" + costly + ") | length }}")
                self.assertEqual(engine.describe()["chat"], True)
                with self.assertRaisesRegex(InvalidRequest, "template"):
                    self.render(engine)

    def test_a_variable_of_the_template_s_own_is_no_switch(self):
        engine = self.other("{%- set thinking = messages[0].content %}{{- thinking }}{#- <think></think> #}")
        self.assertNotIn("thinkingSwitch", engine.describe()["capabilities"])
        with self.assertRaisesRegex(InvalidRequest, "thinking can't be switched off"):
            self.render(engine, thinking=False)

    def test_tools_that_the_template_would_not_show_are_refused(self):
        calls = "{#- <tool_call> tool_call.name #}"
        tools = [{"name": "f", "parameters": {"type": "object"}}]
        for template, taken in (
            (f"{calls}{{{{- messages[0].content }}}}", False),
            (f"{calls}{{{{- 'no tools' }}}}", False),
            (f"{calls}{{%- set tools = [] %}}{{{{- tools }}}}", False),
            (f"{calls}{{%- if tools %}}{{{{- tools[0].function.name }}}}{{%- endif %}}", True),
        ):
            with self.subTest(template):
                engine = self.other(template)
                self.assertEqual("tools" in engine.describe()["capabilities"], taken)
                if taken:
                    self.assertEqual(self.render(engine, tools=tools), "f")
                    continue
                with self.assertRaisesRegex(InvalidRequest, "does not read the variable tools"):
                    self.render(engine, tools=tools)

    def test_templates_with_names(self):
        """transformers takes the one called tool_use where there are tools, else the default one."""
        plain = "{{- 'plain' }}{%- if enable_thinking is defined %}{{- enable_thinking | string }}{%- endif %}"
        tool_use = f"{{{{- 'tools: ' + tools[0].function.name }}}}{{#- <tool_call> {PATH} #}}"
        named = [{"name": "default", "template": plain}, {"name": "tool_use", "template": tool_use}]
        engine = self.other(named)
        self.assertEqual(self.render(engine, thinking=False), "plainFalse")
        self.assertEqual(self.render(engine, tools=[WEATHER]), "tools: get_weather")
        self.assertEqual(self.render(self.other(named[:1]), thinking=True), "plainTrue")

    def test_an_end_token_may_be_written_as_a_string_and_none_is_worth_a_warning(self):
        end = self.other("x")._tokenizer.eos_token_id
        nowhere = {"config": {"eos_token_id": None}, "tokenizer_config": {"eos_token": None}}
        engine = self.other("x", **{**nowhere, "generation_config": {"eos_token_id": str(end)}})
        call = generate(engine, prompt="<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n", maxTokens=99)
        self.assertEqual(call.result["finishReason"], "stop")
        engine = self.other("x", generation_config={"eos_token_id": None}, **nowhere)
        self.assertIn(NONE_STATED, engine.describe()["warnings"])

    def engine(self, saying):
        """An engine whose chat template and tokenizer are of the form of a saying."""
        folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, folder)
        copy = Path(shutil.copytree(MODEL, folder / "model"))
        (copy / "chat_template.jinja").write_text(saying.template, encoding="utf-8")
        if saying.marks != THINK:  # else a tokenizer with <think> would stand for the first form
            tokenizer = (copy / "tokenizer.json").read_text(encoding="utf-8")
            for mark, other in zip(THINK, _UNUSED, strict=True):
                tokenizer = tokenizer.replace(json.dumps(mark), json.dumps(other))
            (copy / "tokenizer.json").write_text(tokenizer, encoding="utf-8")
        return load(type(self).load, copy)

    def test_tokens_one_by_one_give_the_text_of_all(self):
        engine = load(type(self).load)
        decode, draw = Decoder(engine._tokenizer), random.Random(1)
        self.assertIsNotNone(decode.piece(engine._tokenizer.encode("a", add_special_tokens=False)[0]))
        for _ in range(300):
            ids = [draw.randrange(len(engine._tokenizer)) for _ in range(12)]
            detokenizer = Detokenizer(decode)
            text = "".join([*map(detokenizer.add, ids), detokenizer.finish()])
            self.assertEqual(text, decode(ids))

    def test_what_it_says_is_told_apart(self):
        engines = {}
        for saying in SAYINGS:
            form = (saying.template, saying.marks)
            if form not in engines:
                engines[form] = self.engine(saying)
            with self.subTest(saying.name):
                self.assertEqual(self.told(engines[form], saying), saying.expected)

    def test_the_token_limit_may_cut_it(self):
        saying = next(one for one in SAYINGS if one.name == "JSON call after thinking")
        engine = self.engine(saying)
        for length in range(1, len(self.tokens(engine, saying)), 3):
            text, thinking, calls, unread, finish, _ = self.told(engine, saying, maxTokens=length)
            self.assertTrue(saying.thinking.startswith(thinking), (length, thinking))
            self.assertEqual((text, finish), ("", "length"))
            self.assertLessEqual(len(calls) + unread, 1)

    def tokens(self, engine, saying):
        eos = engine._tokenizer.eos_token_id
        return [*engine._tokenizer.encode(saying.said, add_special_tokens=False), eos]

    def told(self, engine, saying, **params):
        with type(self).script(engine, self.tokens(engine, saying)):
            return outcome(generate(engine, **saying.params, **params))
