"""Folders of the tests' model that are quantized by other tools, or ask for what engines lack; see Variants.

Their numbers make no sense. What counts is that a load and its dry load end in the same way.
"""

import json
import random
import shutil
import tempfile
import unittest
from math import prod
from pathlib import Path

from engine_tests.damage import Weights
from engine_tests.harness import MODEL, load
from mlx4j_worker.errors import WorkerError

_BYTES = {"I32": 4, "I64": 8, "F16": 2, "F32": 4, "F8_E4M3": 1}
_GROUP = 64  # values that share a scale


def _gptq(out, inputs):
    yield "qweight", "I32", [inputs // 8, out]
    yield "qzeros", "I32", [inputs // _GROUP, out // 8]
    yield "scales", "F16", [inputs // _GROUP, out]
    yield "g_idx", "I32", [inputs]


def _awq(out, inputs):
    yield "qweight", "I32", [inputs, out // 8]
    yield "qzeros", "I32", [inputs // _GROUP, out // 8]
    yield "scales", "F16", [inputs // _GROUP, out]


def _packed(out, inputs):
    yield "weight_packed", "I32", [out, inputs // 8]
    yield "weight_scale", "F16", [out, inputs // _GROUP]
    yield "weight_shape", "I64", [2]


def _fp8(out, inputs):
    yield "weight", "F8_E4M3", [out, inputs]
    yield "weight_scale_inv", "F32", [-(-out // 128), -(-inputs // 128)]


def _plain(out, inputs):
    yield "weight", "F32", [out, inputs]


_BITS = {"bits": 4, "group_size": _GROUP}
_SCHEME = {"num_bits": 4, "type": "int", "symmetric": True, "strategy": "group", "group_size": _GROUP}
_PACKED = {"format": "pack-quantized", "config_groups": {"group_0": {"targets": ["Linear"], "weights": _SCHEME}}}
_BLOCKS = {"weight_block_size": [128, 128], "activation_scheme": "dynamic"}
QUANTIZED = {  # name -> (the tensors in place of a matrix, quantization_config)
    "gptq": (_gptq, {"quant_method": "gptq", "desc_act": False, "sym": True, **_BITS}),
    "gptq, 8 bits": (_gptq, {"quant_method": "gptq", "bits": 8, "group_size": _GROUP}),
    "gptq, plain weights": (_plain, {"quant_method": "gptq", **_BITS}),
    "awq": (_awq, {"quant_method": "awq", "zero_point": True, "version": "gemm", **_BITS}),
    "compressed-tensors": (_packed, {"quant_method": "compressed-tensors", **_PACKED}),
    "compressed-tensors, other format": (_packed, {"quant_method": "compressed-tensors", "format": "float-quantized"}),
    "fp8": (_fp8, {"quant_method": "fp8", **_BLOCKS}),
    "fp8, plain weights": (_plain, {"quant_method": "fp8", **_BLOCKS}),
    "fp8, ue8m0": (_fp8, {"quant_method": "fp8", "scale_fmt": "ue8m0", "weight_block_size": [32, 32]}),
    "mxfp4": (_plain, {"quant_method": "mxfp4"}),
    "bitsandbytes": (_plain, {"quant_method": "bitsandbytes", "load_in_4bit": True}),
    "bitnet": (_plain, {"quant_method": "bitnet"}),
    "modelopt": (_plain, {"quant_method": "modelopt", "quant_algo": "NVFP4"}),
    "unknown method": (_plain, {"quant_method": "nosuch"}),
    "no method": (_plain, {}),
}
FIELDS = {  # name -> changed fields of config.json
    "clip_qkv": {"clip_qkv": 8.0},
    "norm_topk_prob": {"model_type": "qwen2_moe", "norm_topk_prob": True},
    "other type": {"model_type": "qwen3"},
    "unknown type": {"model_type": "nosuch"},
    "unknown type with code": {"model_type": "nosuch", "auto_map": {"AutoModelForCausalLM": "x.Model"}},
    "no causal model": {"model_type": "bert"},
    "classifier": {"architectures": ["LlamaForSequenceClassification"], "num_labels": 1},
    "classifier, two labels": {"architectures": ["LlamaForSequenceClassification"], "num_labels": 2},
    "untied": {"tie_word_embeddings": False},
    "mlx": {"quantization": _BITS},
    "mlx, nothing": {"quantization": {}},
    "rope": {"rope_scaling": {"rope_type": "nosuch", "factor": 2.0}},
    "activation": {"hidden_act": "gelu"},
    "window": {"sliding_window": 8, "model_type": "mistral"},
    "huge": {"num_hidden_layers": 10**6},
    "wider": {"intermediate_size": 1024},
}


def quantized(folder, tensors, config):
    """Puts other tensors in the place of the matrices of all layers."""
    rng, weights = random.Random(1), Weights(folder / "model.safetensors")
    names = [name for name in weights.names if name.endswith("_proj.weight")]
    shapes = {name: weights.header[name]["shape"] for name in names}
    weights.without(*names)
    for name, shape in shapes.items():
        for suffix, dtype, wanted in tensors(*shape):
            begin, size = len(weights.data), prod(wanted) * _BYTES[dtype]
            entry = {"dtype": dtype, "shape": wanted, "data_offsets": [begin, begin + size]}
            weights.header[name.removesuffix("weight") + suffix] = entry
            weights.data += rng.randbytes(size) if dtype[0] in "I" else bytes(size)
    weights.write(folder / "model.safetensors")
    changed(folder, {"quantization_config": config})


def changed(folder, fields):
    """Changes fields of config.json."""
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | fields), encoding="utf-8")


class Variants(unittest.TestCase):
    """A subclass has ``load``, an engine's load function as harness.judged gives it."""

    load = None

    def judge(self, name, change, *args):
        with self.subTest(name), tempfile.TemporaryDirectory() as root:
            folder = Path(shutil.copytree(MODEL, Path(root) / "model"))
            change(folder, *args)
            try:
                load(type(self).load, folder)
            except WorkerError:
                return "refused"
            except AssertionError:
                raise
            except Exception as error:  # not typed, but the same is true of the load
                raise AssertionError(f"{name}: untyped {type(error).__name__}: {error}") from error
            return "loads"

    def test_of_quantized_folders_a_dry_load_says_what_a_load_does(self):
        found = [self.judge(name, quantized, *how) for name, how in QUANTIZED.items()]
        print(f"quantized folders: {found.count('loads')} load, {found.count('refused')} are refused")

    def test_of_other_configs_a_dry_load_says_what_a_load_does(self):
        found = [self.judge(name, changed, fields) for name, fields in FIELDS.items()]
        self.assertIn("loads", found)
        self.assertIn("refused", found)
