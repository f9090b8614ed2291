"""Tests of warnings about what a folder's files say; each engine's tests derive from Fields."""

import json
import tempfile
import unittest
from pathlib import Path

from engine_tests.harness import MODEL, changed_model, load
from mlx4j_worker.errors import ModelLoadFailed

CONFIG = json.loads((MODEL / "config.json").read_text(encoding="utf-8"))


class Fields(unittest.TestCase):
    """A subclass has ``load``, an engine's load function."""

    load = None

    def warnings(self, **fields):
        return self.of_files(config_json={**CONFIG, **fields})

    def of_files(self, **files):
        with tempfile.TemporaryDirectory() as folder:
            return load(type(self).load, changed_model(Path(folder), **files)).describe()["warnings"]

    def test_a_field_that_nothing_reads_is_named(self):
        (warning,) = self.warnings(sliding_widow=16, rope_scaling={"rope_type": "linear", "factor": 1.0, "fcator": 2})
        self.assertIn("'sliding_widow'", warning)
        self.assertIn("'rope_scaling.fcator'", warning)

    def test_of_many_fields_some_are_named(self):
        (warning,) = self.warnings(**{f"made_up_{index}": 1 for index in range(50)})
        self.assertIn("'made_up_4' …", warning)
        self.assertNotIn("made_up_5", warning)

    def test_fields_that_ask_for_nothing_or_are_about_the_file_are_not_named(self):
        about = {"_name_or_path": "org/name", "transformers_version": "4.40.0", "torch_dtype": "float32"}
        self.assertEqual([], self.warnings(**about, made_up=None, other=False, third=[], unsloth_version="2024.9"))

    def test_fields_of_older_versions_and_of_generation_are_not_named(self):
        self.assertEqual([], self.warnings(use_cache=True, num_beams=4, torchscript=True, n_ctx=4096, pretraining_tp=1))

    def test_what_generation_config_json_has_is_named_where_it_is_not_used(self):
        for content, *named in (
            ({"do_sample": True, "temperature": "hot", "top_p": 7}, "temperature 'hot'", "top_p 7"),
            ({"top_k": -1, "repetition_penalty": 0}, "top_k -1", "repetition_penalty 0"),
            ({"top_k": 2.5, "eos_token_id": ["<nothing>", "<|im_end|>"]}, "top_k 2.5", "eos_token_id has '<nothing>'"),
            ({"do_sample": "yes"}, "do_sample 'yes'"),
        ):
            with self.subTest(content):
                warnings = self.of_files(generation_config_json=content)
                self.assertEqual(len(named), len(warnings), warnings)
                for one, warning in zip(named, warnings, strict=True):
                    self.assertIn(one, warning)

    def test_a_damaged_generation_config_json_is_refused(self):
        for content, named in (([1], "is not a JSON object"), ("{", "can't be read")):
            with self.subTest(content), self.assertRaisesRegex(ModelLoadFailed, f"generation_config.json.*{named}"):
                self.of_files(generation_config_json=content)

    def test_a_chat_template_that_renders_no_message_is_a_warning(self):
        for template, named in (
            ("{{ messages }", "is damaged"),
            ("{{- raise_exception('no user') }}", "refused these messages: no user"),
            ("{{- messages[0].text | upper }}", "template"),
            ("{{- 'hello' }}", "leaves out the user's message"),
        ):
            with self.subTest(template):
                (warning,) = self.of_files(chat_template_jinja=template)
                self.assertIn(named, warning)
