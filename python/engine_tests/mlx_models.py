"""Makes folders as mlx-lm writes them, for tests, in the mlx worker's environment.

    python -m engine_tests.mlx_models KIND FOLDER [PEFT]

``converted`` is tiny-chat through mlx-lm's convert, ``quantized`` the same with 4 bits, ``adapter`` the LoRA adapter of
the folder PEFT, written as mlx-lm would; ``divisible`` is tiny-chat with sizes that 2 and 3 divide, and answers as it.
"""

import json
import shutil
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


def divisible(folder):
    """Each of the 3 heads for keys and values is there twice, and the MLP has 16 neurons more, of zeros."""
    weights = mx.load(str(MODEL / "model.safetensors"))
    for name, weight in weights.items():
        if ".k_proj" in name or ".v_proj" in name:
            weights[name] = mx.repeat(weight.reshape(3, 32, -1), 2, axis=0).reshape(192, -1)
        elif "_proj" in name and ".mlp." in name:
            weights[name] = mx.pad(weight, [(0, 0), (0, 16)] if ".down_proj" in name else [(0, 16), (0, 0)])
    shutil.copytree(MODEL, folder, dirs_exist_ok=True)
    mx.save_safetensors(str(folder / "model.safetensors"), weights, {"format": "pt"})
    config = json.loads((MODEL / "config.json").read_text()) | {"num_key_value_heads": 6, "intermediate_size": 528}
    (folder / "config.json").write_text(json.dumps(config))


KINDS = {"converted": converted, "quantized": quantized, "adapter": adapter, "divisible": divisible}

if __name__ == "__main__":
    KINDS[sys.argv[1]](Path(sys.argv[2]), *sys.argv[3:])
