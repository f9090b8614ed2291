"""Tests of warnings about config fields that nothing reads; each engine's tests derive from Fields."""

import json
import tempfile
import unittest
from pathlib import Path

from engine_tests.harness import MODEL, changed_model, load

CONFIG = json.loads((MODEL / "config.json").read_text(encoding="utf-8"))


class Fields(unittest.TestCase):
    """A subclass has ``load``, an engine's load function."""

    load = None

    def warnings(self, **fields):
        with tempfile.TemporaryDirectory() as folder:
            changed = changed_model(Path(folder), config_json={**CONFIG, **fields})
            return load(type(self).load, changed).describe()["warnings"]

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
