"""The mlx engine and unread config fields: python -m unittest engine_tests.test_mlx_fields, in its environment."""

from engine_tests import fields
from engine_tests.harness import judged
from mlx4j_worker.mlx import loading


class Fields(fields.Fields):
    load = staticmethod(judged(loading))
