"""The dry load of the hf engine: python -m unittest engine_tests.test_hf_dry, in its environment."""

from engine_tests import dry
from mlx4j_worker.hf import loading


class Dry(dry.Dry):
    load = staticmethod(loading.dry_load)
