"""Training on MLX. Runs in the worker's environment: python -m unittest."""

import gc
import unittest

import mlx.core as mx
from mlx.utils import tree_flatten

from engine_tests import mlx_models, test_mlx_folders
from engine_tests.tolerance import tolerance
from engine_tests.training import BATCH, TRAIN, VALID, TrainingCases
from mlx4j_worker.errors import NotSupported
from mlx4j_worker.mlx import loading, training
from mlx4j_worker.requests.options import Options


class MlxTraining(TrainingCases, unittest.TestCase):
    load_backend = staticmethod(training.load_backend)
    load_engine = staticmethod(loading.load)
    script = "mlx_worker.py"
    writes = ((mx, "save_safetensors"),)

    def small(self, kind):
        maker = test_mlx_folders.Adapters()
        self.addCleanup(maker.doCleanups)
        return maker.gpt2() if kind == "gpt2" else maker.model(kind)

    @staticmethod
    def active_bytes():
        gc.collect()
        return mx.get_active_memory()

    def test_a_quantized_model_gets_adapters_alone(self):
        folder = self.folder() / "quantized"
        mlx_models.quantized(folder)
        for method in ("lora", "dora"):
            trained = self.training(folder, method=method)
            losses = trained.losses(4, batch=BATCH)
            self.assertLess(losses[-1], losses[0] - 0.5)
        self.refused(NotSupported, "is quantized", self.training, folder, method="full")

    def test_an_adapter_in_mlx_lm_s_format_is_loaded_as_it_was_trained(self):
        trained, folder = self.training(layers=2, validData=VALID), str(self.folder() / "adapter")
        trained.losses(3, batch=BATCH)
        trained.call("saveAdapter", folder=folder, format="mlx")
        evaluated = self.training(method="none", learningRate=None, adapter=folder, validData=VALID)
        self.assertEqual(evaluated.call("validate"), trained.call("validate"))
        self.refused(NotSupported, "mlx-lm adapter", self.training, layers=2, adapter=folder)

    def test_on_half_precision_the_adapter_is_in_full(self):
        trained = self.training(dtype="bfloat16")
        losses = trained.losses(4, batch=BATCH)
        self.assertLess(losses[-1], losses[0] - 0.5)
        model = trained.session._backend._model
        types = {name.rsplit(".", 1)[-1]: w.dtype for name, w in tree_flatten(model.parameters())}
        self.assertEqual((types["lora_a"], types["weight"]), (mx.float32, mx.bfloat16))

    def test_experts_are_saved_as_mlx_lm_has_them_and_that_is_said(self):
        maker = test_mlx_folders.Folders()
        self.addCleanup(maker.doCleanups)
        source, target = maker.model("olmoe", num_experts=4, num_experts_per_tok=2), self.folder() / "model"
        trained = self.training(source, method="full")
        trained.losses(1, batch=BATCH)
        saved = trained.call("saveModel", folder=str(target))
        self.assertRegex("".join(saved["warnings"]), "transformers can't load them")
        expected = trained.call("validate", batch=BATCH)["loss"]
        again = self.training(target, method="none", learningRate=None)
        self.assertAlmostEqual(again.call("validate", batch=BATCH)["loss"], expected, delta=tolerance(1e-5))

    def test_gradient_checkpointing_takes_less_memory(self):
        fields = {"trainData": TRAIN, "layers": 4}
        taken = []
        for on in (False, True):
            trained = self.training(**fields, gradientCheckpointing=on)
            gc.collect()  # what other tests left is not of this one
            before = mx.get_active_memory()
            taken.append(trained.call("trainStep")["memory"]["peakBytes"] - before)
        self.assertLess(taken[1], 0.8 * taken[0])

    def test_a_window_that_is_in_the_cache_bounds_the_sequences(self):
        maker = test_mlx_folders.Folders()
        self.addCleanup(maker.doCleanups)
        folder = maker.model("mistral", sliding_window=64)
        told = self.training(folder, trainData=TRAIN, maxLength=500).session.describe()
        self.assertEqual((told["maxLength"], told["contextLength"]), (64, 64))
        self.assertRegex("".join(told["warnings"]), "maxLength is 64")

    def test_options_of_the_hf_worker_are_refused_by_name(self):
        params = {"model": {"source": "any"}}
        for name, options in {
            "trustRemoteCode": Options(trust_remote_code=True),
            "device": Options(device="cpu"),
        }.items():
            self.refused(NotSupported, name, training.load_backend, params, options, None, None)


if __name__ == "__main__":
    unittest.main()
