"""The dry load of the hf engine: python -m unittest engine_tests.test_hf_dry, in its environment."""

from unittest import mock

from engine_tests import dry
from engine_tests.harness import load
from mlx4j_worker import memory
from mlx4j_worker.errors import OutOfMemory
from mlx4j_worker.hf import loading


class Dry(dry.Dry):
    load = staticmethod(loading.dry_load)

    def test_memory_of_cuda_is_not_known(self):
        with (
            mock.patch("torch.cuda.is_available", lambda: True),
            mock.patch.object(memory, "available_bytes", lambda: 1),
        ):
            self.assertEqual([], load(loading.dry_load).describe()["warnings"])
        with (
            mock.patch("torch.cuda.is_available", lambda: False),
            mock.patch.object(memory, "available_bytes", lambda: 1),
            self.assertRaises(OutOfMemory),
        ):
            load(loading.dry_load)
