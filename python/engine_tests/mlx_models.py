"""Makes folders as mlx-lm writes them, for tests, in the mlx worker's environment.

    python -m engine_tests.mlx_models KIND FOLDER [PEFT]

``converted`` is tiny-chat through mlx-lm's convert, ``quantized`` the same with 4 bits, ``adapter`` the LoRA adapter of
the folder PEFT, written as mlx-lm would.
"""

import json
import sys
from pathlib import Path

import mlx.core as mx
from mlx_lm import convert

from engine_tests.harness import MODEL


def converted(folder):
    convert(str(MODEL), str(folder))


def quantized(folder):
    convert(str(MODEL), str(folder), quantize=True, q_bits=4, q_group_size=32)


def adapter(folder, peft):
    config = json.loads(Path(peft, "adapter_config.json").read_text())
    weights = mx.load(str(Path(peft, "adapter_model.safetensors")))
    renamed = {name.removeprefix("base_model.model."): tensor.T for name, tensor in weights.items()}
    renamed = {
        name.replace("lora_A.weight", "lora_a").replace("lora_B.weight", "lora_b"): t for name, t in renamed.items()
    }
    folder.mkdir(parents=True)
    mx.save_safetensors(str(folder / "adapters.safetensors"), {name: mx.contiguous(t) for name, t in renamed.items()})
    keys = [f"self_attn.{name}" for name in config["target_modules"]]
    lora = {"rank": config["r"], "scale": config["lora_alpha"] / config["r"], "dropout": 0.0, "keys": keys}
    written = {"fine_tune_type": "lora", "num_layers": -1, "model": str(MODEL), "lora_parameters": lora}
    (folder / "adapter_config.json").write_text(json.dumps(written))


KINDS = {"converted": converted, "quantized": quantized, "adapter": adapter}

if __name__ == "__main__":
    KINDS[sys.argv[1]](Path(sys.argv[2]), *sys.argv[3:])
