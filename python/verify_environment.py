"""Checks an environment of a worker kind for real: imports, versions, and one token from a tiny model made in memory.

Both kinds also need llguidance, jsonschema and regex, for response formats.

Argument: mlx or hf. Prints one line of JSON; exits 0 if all is well.
"""

import contextlib
import json
import os
import sys
from importlib.metadata import distributions, version

CUDA = ("nvidia-", "cuda-", "triton", "bitsandbytes")


def mlx():
    import mlx.core as mx
    from mlx_lm.generate import generate_step
    from mlx_lm.models.llama import Model, ModelArgs

    model = Model(
        ModelArgs(
            model_type="llama",
            hidden_size=32,
            num_hidden_layers=1,
            intermediate_size=64,
            num_attention_heads=2,
            rms_norm_eps=1e-5,
            vocab_size=64,
        )
    )
    (token, _), *_ = generate_step(mx.array([1, 2, 3]), model, max_tokens=1)
    cuda = sorted(d.name for d in distributions() if d.name.startswith(CUDA))
    if cuda:
        raise RuntimeError(f"CUDA packages in the mlx environment: {', '.join(cuda)}")
    device = "gpu" if mx.default_device() == mx.gpu else "cpu"
    return {"device": device, "token": int(token), "versions": {n: version(n) for n in ("mlx", "mlx-lm", "llguidance")}}


def hf():
    os.environ["PYTORCH_ENABLE_MPS_FALLBACK"] = "1"  # as workers have it; torch reads it when it is imported
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=64,
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=1,
            num_attention_heads=2,
            bos_token_id=None,
            eos_token_id=None,
            pad_token_id=0,
        )
    ).eval()
    device, warnings = choose_device()  # noqa: F821 - of hf/devices.py, which Java puts before this
    model.to(device)
    ids = torch.tensor([[1, 2, 3]], device=device)
    token = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=1, do_sample=False)[0, -1]
    return {
        "device": device,
        "token": int(token),
        "versions": {n: version(n) for n in ("torch", "transformers", "llguidance")},
        **({"warnings": warnings} if warnings else {}),
    }


def grammars():
    import jsonschema  # noqa: F401
    import llguidance.numpy
    import regex  # noqa: F401

    matcher = llguidance.LLMatcher
    if wrong := matcher.validate_grammar(matcher.grammar_from_regex("[0-9]+")):
        raise RuntimeError(f"llguidance refuses a plain pattern: {wrong}")


with contextlib.redirect_stdout(sys.stderr):
    grammars()
    result = {"mlx": mlx, "hf": hf}[sys.argv[1]]()
print(json.dumps(result))
