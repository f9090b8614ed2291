"""The verdicts of the hf engine: python -m unittest engine_tests.test_hf_variants, in its environment."""

from engine_tests import variants
from engine_tests.harness import judged
from mlx4j_worker.hf import loading


class Variants(variants.Variants):
    load = staticmethod(judged(loading))
