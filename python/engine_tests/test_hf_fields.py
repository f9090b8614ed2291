"""The hf engine and unread config fields: python -m unittest engine_tests.test_hf_fields, in its environment."""

from engine_tests import fields
from engine_tests.harness import judged
from mlx4j_worker.hf import loading


class Fields(fields.Fields):
    load = staticmethod(judged(loading))
