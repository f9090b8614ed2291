"""Training on torch. Runs in the worker's environment: python -m unittest."""

import json
import unittest
from unittest import mock

import torch

from engine_tests import models
from engine_tests.tolerance import tolerance
from engine_tests.training import BATCH, TrainingCases
from mlx4j_worker.errors import NotSupported
from mlx4j_worker.hf import loading, training
from mlx4j_worker.requests.options import Options

torch.set_num_threads(1)  # for so small a model more of them only wait for each other


class HfTraining(TrainingCases, unittest.TestCase):
    load_backend = staticmethod(training.load_backend)
    load_engine = staticmethod(loading.load)
    script = "hf_worker.py"
    writes = ((training, "save_file"),)

    def small(self, kind):
        return models.make(kind, self.folder() / kind)

    @staticmethod
    def active_bytes():
        return 0  # on a CPU

    def test_the_model_s_own_dropout_is_off(self):
        folder = models.make("gpt2", self.folder() / "gpt2", resid_pdrop=0.5, embd_pdrop=0.5, attn_pdrop=0.5)
        trained = self.training(folder, method="full")
        expected = trained.call("validate", batch=BATCH)["loss"]
        self.assertAlmostEqual(trained.losses(1, batch=BATCH)[0], expected, delta=tolerance(1e-5))

    def test_what_torch_cannot_do_is_refused_by_name(self):
        trained = self.training()
        call = {"folder": str(self.folder() / "adapter"), "format": "mlx"}
        self.refused(NotSupported, "format mlx", trained.call, "saveAdapter", **call)
        self.refused(NotSupported, "wiredLimit", training.load_backend, {}, Options(wired_limit=True), None, None)
        with mock.patch("torch.cuda.is_available", lambda: False):
            elsewhere = Options(device="cuda")
            self.refused(NotSupported, "can't run on the device cuda", training.load_backend, {}, elsewhere, None, None)
        if not torch.cuda.is_available():
            limited = Options(memory_limit_bytes=10**9)
            self.refused(NotSupported, "memoryLimitBytes", training.load_backend, {}, limited, None, None)

    def test_an_encoder_is_refused(self):
        sizes = {"vocab_size": 1024, "hidden_size": 64, "num_hidden_layers": 1, "num_attention_heads": 4}
        folder = models.small("bert", sizes, self.folder() / "bert", is_decoder=True)
        config = json.loads((folder / "config.json").read_text()) | {
            "is_decoder": False,
            "architectures": ["BertModel"],
        }
        (folder / "config.json").write_text(json.dumps(config))
        with self.assertRaisesRegex(NotSupported, "is an encoder"):
            self.training(folder)


if __name__ == "__main__":
    unittest.main()
