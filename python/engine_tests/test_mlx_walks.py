"""Random walks through the grammars of response formats: a few in CI, a thousand for each schema with scripts/walks."""

import unittest
from unittest import mock

from transformers import AutoTokenizer

from engine_tests.harness import MODEL
from walks import own
from walks.walking import Walker


class Walks(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.walker = Walker(AutoTokenizer.from_pretrained(MODEL))

    def test_every_text_of_our_schemas_is_valid(self):
        for name, schema in own.SCHEMAS.items():
            with self.subTest(name):
                found = self.walker.outcome(schema, 12, seed=1)
                self.assertEqual(("", [], []), (found.refused, found.invalid, found.dead_ends))
                self.assertGreater(found.walks, found.endless)

    def test_every_number_is_valid_or_its_schema_refused(self):
        for name, schema in own.numbers(seed=3, count=60):
            with self.subTest(name, schema=schema):
                self.assertEqual([], self.walker.outcome(schema, 10, seed=3).invalid)

    def test_every_text_of_the_other_formats_matches(self):
        for name, (kind, value) in own.TEXTS.items():
            with self.subTest(name):
                found = self.walker.outcome_of_text(kind, value, 20, seed=4)
                self.assertEqual((20, "", []), (found.walks, found.refused, found.invalid))

    def test_a_grammar_that_is_not_made_stricter_is_found(self):
        loose = ("a range that is open at 0", "format time", "pattern of control characters")
        with mock.patch("mlx4j_worker.text.schemas.tighten", lambda schema: schema):
            for name in loose:
                with self.subTest(name):
                    self.assertTrue(self.walker.outcome(own.SCHEMAS[name], 200, seed=5).invalid)
        two_keys = {"type": "object", "patternProperties": {"^[ab]$": {"const": 1}}, "additionalProperties": False}
        with mock.patch("mlx4j_worker.text.unique_keys.UniqueKeys.forbid", lambda _, allowed: allowed):
            self.assertTrue(self.walker.outcome(two_keys, 200, seed=5).invalid)
