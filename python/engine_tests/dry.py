"""Tests that a dry load leaves the weights alone; each engine's tests derive from Dry."""

import json
import os
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from engine_tests.harness import MODEL, changed_model, load
from mlx4j_worker import memory
from mlx4j_worker.errors import ModelLoadFailed

SIZES = {"hidden_size": 4096, "intermediate_size": 11008, "num_hidden_layers": 32, "vocab_size": 32000}
SIZES |= {"num_attention_heads": 32, "num_key_value_heads": 32, "head_dim": 128, "tie_word_embeddings": False}
ROOM = 200 << 20  # bytes that a dry load may take


class Dry(unittest.TestCase):
    """A subclass has ``load``, an engine's dry load."""

    load = None

    def test_a_model_of_27_gb_takes_little_memory(self):
        with tempfile.TemporaryDirectory() as folder, mock.patch.object(memory, "check_weights"):
            config = json.loads((MODEL / "config.json").read_text(encoding="utf-8")) | SIZES
            model = changed_model(Path(folder), config_json=config)
            size = self.write_holes(model / "model.safetensors")
            load(type(self).load, MODEL)  # imports what is heavy
            before = memory.resident_bytes()
            described = load(type(self).load, model).describe()
            self.assertEqual([], described["warnings"])
            self.assertGreater(size, 26e9)
            self.assertLess(memory.resident_bytes() - before, ROOM)

    def test_a_training_run_named_as_the_adapter(self):
        with tempfile.TemporaryDirectory() as run:
            adapter = Path(run, "adapter")
            adapter.mkdir()
            (adapter / "adapter_config.json").write_text("{}", encoding="utf-8")
            with self.assertRaisesRegex(ModelLoadFailed, r"has no adapter_config\.json") as refused:
                load(type(self).load, MODEL, adapter=run)
            self.assertEqual(f"Name its subfolder {adapter}.", refused.exception.hint)

    @staticmethod
    def write_holes(path):
        """A file of weights in which all data is a hole; returns its size in bytes."""
        hidden, inner = SIZES["hidden_size"], SIZES["intermediate_size"]
        shapes = {"model.embed_tokens": [SIZES["vocab_size"], hidden], "lm_head": [SIZES["vocab_size"], hidden]}
        shapes["model.norm"] = [hidden]
        for layer in range(SIZES["num_hidden_layers"]):
            at = f"model.layers.{layer}"
            shapes |= {f"{at}.self_attn.{name}_proj": [hidden, hidden] for name in "qkvo"}
            shapes |= {f"{at}.mlp.{name}_proj": [inner, hidden] for name in ("gate", "up")}
            shapes[f"{at}.mlp.down_proj"] = [hidden, inner]
            shapes |= {f"{at}.{name}": [hidden] for name in ("input_layernorm", "post_attention_layernorm")}
        header, at = {}, 0
        for name, shape in shapes.items():
            size = 4 * shape[0] * (shape[1] if len(shape) > 1 else 1)
            header[f"{name}.weight"] = {"dtype": "F32", "shape": shape, "data_offsets": [at, at + size]}
            at += size
        text = json.dumps(header).encode()
        path.write_bytes(len(text).to_bytes(8, "little") + text)
        os.truncate(path, 8 + len(text) + at)
        return at
