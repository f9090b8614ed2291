"""The hf engine and models that compute NaN as logits; runs in the worker's environment."""

import unittest
from unittest import mock

from engine_tests.harness import STORY
from engine_tests.not_finite import NotFiniteContract
from mlx4j_worker.hf import loading, models
from mlx4j_worker.hf.batch import Uncached


class NotFinite(NotFiniteContract, unittest.TestCase):
    load_engine = staticmethod(loading.load)
    caches = ({},)

    def test_without_a_cache(self):
        with mock.patch.object(models, "can_cache", lambda _config: False):
            lab = self.lab()
        self.assertIsInstance(lab.engine._decoder, Uncached)
        self.check_failed(lab.ask(STORY, maxTokens=20))
