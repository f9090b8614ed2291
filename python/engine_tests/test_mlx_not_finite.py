"""The mlx engine and models that compute NaN as logits; runs in the worker's environment."""

import unittest

from engine_tests.harness import MODEL, STORY, known
from engine_tests.not_finite import KINDS, NotFiniteContract
from mlx4j_worker.mlx import loading


class NotFinite(NotFiniteContract, unittest.TestCase):
    load_engine = staticmethod(loading.load)
    caches = ({}, {"kvBits": 8})

    def test_with_a_draft_model(self):
        lab = self.lab(draftModel=str(MODEL))
        for more in ({}, {"logProbs": 2}):
            for sampling in KINDS:
                with self.subTest(sampling=sampling, **more):
                    call = lab.ask(STORY, sampling=sampling, maxTokens=20, **more)
                    self.check_failed(call)
                    self.assertEqual([], call.tokens)
        self.assertFalse(lab.engine.busy)

    def test_with_a_draft_model_after_some_tokens(self):
        tokens = known(STORY)["tokens"]
        poison = next(token for i, token in enumerate(tokens) if i > 12 and token not in tokens[:i])
        lab = self.lab(poison, draftModel=str(MODEL))
        call = lab.ask(STORY, maxTokens=40)
        self.check_failed(call)
        self.assertEqual(tokens[: len(call.tokens)], call.tokens)

    def test_a_draft_model_of_nan_changes_nothing(self):
        broken = self.lab().engine._source
        lab = self.lab(1023, draftModel=broken)
        for sampling in KINDS:
            with self.subTest(sampling=sampling):
                alone = self.lab(1023).ask(STORY, sampling=sampling, maxTokens=30).tokens
                self.assertEqual(alone, lab.ask(STORY, sampling=sampling, maxTokens=30).tokens)
