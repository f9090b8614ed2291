"""The hf engine and damaged folders: python -m unittest engine_tests.test_hf_damage, in its environment."""

import unittest

from engine_tests.damage import DamageContract
from engine_tests.harness import judged
from mlx4j_worker.hf import loading


class Damage(DamageContract, unittest.TestCase):
    load_engine = staticmethod(judged(loading))
