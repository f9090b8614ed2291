"""Model folders whose tensor names have a wrapper's prefix: what holds for every engine."""

import shutil
import tempfile
from pathlib import Path

from engine_tests.damage import Weights
from engine_tests.harness import changed_model, generate, load
from mlx4j_worker.errors import ModelLoadFailed

QUESTION = "Who are you?"


def renamed(folder, rename):
    """Renames the tensors of a model folder of one file, in place."""
    for path in Path(folder).glob("model*.safetensors"):
        weights = Weights(path)
        metadata = weights.header.pop("__metadata__", None)
        weights.header = {rename(name): entry for name, entry in weights.header.items()}
        weights.header |= {"__metadata__": metadata} if metadata else {}
        weights.write(path)
    return folder


class PrefixContract:
    """A test class adds ``load_engine``, which also compares the verdict of a dry load."""

    def model(self, rename):
        folder = Path(tempfile.mkdtemp()).resolve()
        self.addCleanup(shutil.rmtree, folder)
        return renamed(changed_model(folder), rename)

    def test_a_model_with_a_wrapper_s_prefix_is_loaded(self):
        wanted = generate(load(self.load_engine), QUESTION).text
        for prefix in ("module.", "_orig_mod.", "_forward_module.", "base_model.model.", "module._orig_mod."):
            with self.subTest(prefix=prefix):
                engine = load(self.load_engine, self.model(lambda name, prefix=prefix: prefix + name))
                self.assertEqual(generate(engine, QUESTION).text, wanted)

    def test_names_without_one_common_prefix_are_refused(self):
        norm = "model.norm.weight"
        for other, why in ((norm, "none"), (f"_orig_mod.{norm}", "'_orig_mod.'")):
            with self.subTest(other=other):
                folder = self.model(lambda name, other=other: other if name == norm else f"module.{name}")
                with self.assertRaisesRegex(ModelLoadFailed, "don't share one prefix") as refused:
                    load(self.load_engine, folder)
                self.assertIn(f"{why} ({other})", str(refused.exception))
                self.assertIn("'module.' (module.", str(refused.exception))

    def test_a_prefix_of_no_known_wrapper_is_refused(self):
        with self.assertRaises(ModelLoadFailed):
            load(self.load_engine, self.model(lambda name: f"wrapped.{name}"))
