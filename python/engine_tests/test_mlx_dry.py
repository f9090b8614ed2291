"""The dry load of the mlx engine: python -m unittest engine_tests.test_mlx_dry, in its environment."""

from engine_tests import dry
from mlx4j_worker.mlx import loading


class Dry(dry.Dry):
    load = staticmethod(loading.dry_load)
