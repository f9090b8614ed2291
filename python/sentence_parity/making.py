"""Makes the folders, and records what sentence-transformers makes of texts with them.

Runs in the hf worker's environment with sentence-transformers beside it. Each case becomes a folder ``model`` and the
file ``expected.json``.
"""

import json
import shutil
import zlib
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors.torch import save_file
from sentence_transformers import SentenceTransformer
from tokenizers.processors import TemplateProcessing
from transformers import AutoConfig, AutoModel, AutoModelForCausalLM, AutoModelForMaskedLM, PreTrainedTokenizerBase
from transformers.utils import logging

from sentence_parity.cases import CASES, EMPTY, Dense, pooling_config
from sweep.making import randomize, tokenizer

SIZE = 64
_SIZES = {
    "hidden_size": SIZE,
    "num_hidden_layers": 2,
    "intermediate_size": 128,
    "num_attention_heads": 4,
    "max_position_embeddings": 512,
    "pad_token_id": 0,
}
_DECODER = {**_SIZES, "num_key_value_heads": 2, "head_dim": 16, "bos_token_id": None, "eos_token_id": 2}
_ENCODER = {**_SIZES, "type_vocab_size": 1}
_GEMMA = {**_DECODER, "layer_types": ["sliding_attention", "full_attention"], "sliding_window": 64}
MODELS: dict[str, tuple[type, str, dict]] = {
    "qwen3": (AutoModelForCausalLM, "qwen3", _DECODER),
    "short": (AutoModelForCausalLM, "qwen3", {**_DECODER, "max_position_embeddings": 48}),
    "qwen3-body": (AutoModel, "qwen3", {**_DECODER, "tie_word_embeddings": True}),
    "llama": (AutoModelForCausalLM, "llama", _DECODER),
    "mistral": (AutoModelForCausalLM, "mistral", {**_DECODER, "sliding_window": 1024}),
    "gemma3": (AutoModelForCausalLM, "gemma3_text", _GEMMA),
    "gpt2": (AutoModelForCausalLM, "gpt2", {"n_embd": SIZE, "n_layer": 2, "n_head": 4, "n_positions": 512}),
    "embedding-gemma": (AutoModel, "gemma3_text", {**_GEMMA, "use_bidirectional_attention": True}),
    "not-causal": (AutoModelForCausalLM, "llama", {**_DECODER, "is_causal": False}),
    **{kind: (AutoModel, kind, _ENCODER) for kind in ("bert", "electra", "deberta-v2", "modernbert")},
    **{kind: (AutoModel, kind, {**_ENCODER, "pad_token_id": 1}) for kind in ("roberta", "xlm-roberta", "mpnet")},
    "distilbert": (
        AutoModel,
        "distilbert",
        {"dim": SIZE, "n_layers": 2, "n_heads": 4, "hidden_dim": 128, "max_position_embeddings": 512},
    ),
    "bert-with-head": (AutoModelForMaskedLM, "bert", _ENCODER),
}


def _ended(words, **values):
    end = ("<|endoftext|>", words.convert_tokens_to_ids("<|endoftext|>"))
    begin = ("<|im_start|>", words.convert_tokens_to_ids("<|im_start|>"))
    template = f"{begin[0]} $A {end[0]}" if values.pop("begun", False) else f"$A {end[0]}"
    words.backend_tokenizer.post_processor = TemplateProcessing(single=template, special_tokens=[begin, end])
    for name, value in values.items():
        setattr(words, name, value)


def _cutting(words):
    words.backend_tokenizer.enable_truncation(7)
    words.backend_tokenizer.enable_padding(length=20)


TOKENIZERS: dict[str, Callable[[PreTrainedTokenizerBase], None]] = {
    "plain": lambda words: None,
    "ended": _ended,
    "both": lambda words: _ended(words, begun=True),
    "left": lambda words: _ended(words, begun=True, padding_side="left", truncation_side="left"),
    "short": lambda words: _ended(words, model_max_length=33),
    "cutting": _cutting,  # settings in tokenizer.json that are for somebody else
}


def main(names: list[str], work: Path) -> None:
    """Makes these cases, or all."""
    if unknown := set(names) - {case.name for case in CASES}:
        raise SystemExit(f"There are no cases {sorted(unknown)}.")
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    for case in CASES:
        if not names or case.name in names:
            folder = work / case.name
            shutil.rmtree(folder, ignore_errors=True)
            _make(case, folder / "model")
            expected = _expected(case, folder / "model")
            (folder / "expected.json").write_text(json.dumps(expected), encoding="utf-8")


def _make(case, folder):
    words = tokenizer()
    TOKENIZERS[case.words](words)
    kind, model_type, fields = MODELS[case.model]
    with torch.random.fork_rng(), torch.inference_mode():
        torch.manual_seed(zlib.crc32(case.model.encode()))
        config = AutoConfig.for_model(model_type, vocab_size=len(words), **fields)
        model = kind.from_config(config, dtype=torch.float32).eval()
        randomize(model)
        folder.mkdir(parents=True)
        model.save_pretrained(folder)
        words.save_pretrained(folder)
        _describe(case, folder)


def _describe(case, folder):
    """Writes the files of sentence-transformers."""
    modules, size = [("models.Transformer", ""), ("models.Pooling", "1_Pooling")], SIZE
    _write(folder / "1_Pooling" / "config.json", pooling_config(case, size))
    size *= len(case.modes) or 1
    for number, module in enumerate(case.modules, 2):
        name = "Dense" if isinstance(module, Dense) else module
        modules.append((f"models.{name}", f"{number}_{name}"))
        if isinstance(module, Dense):
            _dense(module, size, folder / f"{number}_{name}")
            size = module.outputs
    listed = [
        {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.{kind}"}
        for i, (kind, path) in enumerate(modules)
    ]
    _write(folder / "modules.json", listed)
    if case.transformer is not None:
        _write(folder / "sentence_bert_config.json", case.transformer)
    if case.sentence_transformers is not None:
        _write(folder / "config_sentence_transformers.json", case.sentence_transformers)


def _dense(module, size, folder):
    _write(folder / "config.json", {"in_features": size, "out_features": module.outputs, **module.settings})
    weights = {"linear.weight": torch.randn(module.outputs, size) / size**0.5}
    if module.settings.get("bias", True):
        weights["linear.bias"] = torch.randn(module.outputs)
    if module.settings.get("use_residual") and size != module.outputs:
        weights["residual.weight"] = torch.randn(module.outputs, size) / size**0.5
    dtype = getattr(torch, module.dtype)
    save_file({name: tensor.to(dtype) for name, tensor in weights.items()}, folder / "model.safetensors")


def _write(path, value):
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(value), encoding="utf-8")


def _expected(case, folder):
    """For each name of a prompt: the texts and their vectors, all in one batch."""
    model = SentenceTransformer(str(folder), device="cpu", local_files_only=True).float()
    texts = [*case.texts, EMPTY] if case.words not in ("plain", "cutting") else [*case.texts]
    return [
        {"promptName": name, "texts": texts, "vectors": model.encode(texts, prompt_name=name).tolist()}
        for name in case.prompt_names
    ]
