"""Makes seeded random models with transformers, and records what transformers computes with them.

Runs in the hf worker's environment. Each case becomes a folder with ``model`` (as ``save_pretrained`` writes it) and
the files of reference.Reference. Nothing in the model keeps its initial value: a norm's weight of 1 or a bias of 0
would hide that an engine ignores it.
"""

import importlib
import inspect
import json
import math
import shutil
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy
import torch
from safetensors.torch import load_file, save_file
from transformers import (
    MODEL_FOR_CAUSAL_LM_MAPPING,
    MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING,
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForImageTextToText,
    PretrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.utils import logging

from fixture_model import corpus
from fixture_model.make import make_tokenizer
from sweep.cases import Case, common_fields
from sweep.reference import ANSWER, LENGTHS, Reference, prompts_of

VOCABULARY = 288  # tokens: 256 bytes, the special tokens, and some merges
_NOISE = 0.3  # standard deviation of what is added to vectors: norms, biases, decay rates
_ATTEMPTS = 12  # prompts to try until no greedy answer contains the end token
_CLEAR = 3e-4  # the margin of every greedy choice, relative to the range of the logits, that is preferred
_PATIENCE = 4  # attempts after which a smaller margin is accepted


def tokenizer() -> PreTrainedTokenizerBase:
    """A small byte-level BPE with a chat template, the same for all models."""
    texts = [
        message["content"] for talk in corpus.conversations() for message in talk["messages"] if message["content"]
    ]
    return make_tokenizer(texts, VOCABULARY)


def make(case: Case, words: PreTrainedTokenizerBase, folder: Path) -> None:
    """Writes the model and the reference of a case into a folder, which is replaced."""
    seed = zlib.crc32(case.id.encode())
    with torch.random.fork_rng(), torch.inference_mode():
        torch.manual_seed(seed)
        model = _model(_config(case, words))
        model.eval()
        randomize(model)
        found = _reference(model, words, numpy.random.default_rng(seed))
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    model.save_pretrained(folder / "model")
    words.save_pretrained(folder / "model")
    if case.saved:
        SAVED[case.saved](folder / "model")
    found.save(folder)


def _config(case: Case, words: PreTrainedTokenizerBase) -> PretrainedConfig:
    plain = AutoConfig.for_model(case.model_type)
    known = plain.to_dict().keys() | plain.attribute_map.keys()
    ids = {"eos_token_id": words.eos_token_id, "pad_token_id": words.pad_token_id, "bos_token_id": words.pad_token_id}
    common = {**common_fields(), "vocab_size": len(words), **ids}
    read = _source(type(plain))
    if unknown := [name for name in case.fields if name not in known and name not in read]:
        raise ValueError(f"transformers reads no {', '.join(unknown)}")
    fields = {**{name: value for name, value in common.items() if name in known}, **case.fields}
    if "text_config" in fields:  # of a vision-language model
        fields["text_config"] = {**common, **fields["text_config"]}
    return AutoConfig.for_model(case.model_type, **fields)


def _model(config: PretrainedConfig) -> PreTrainedModel:
    if type(config) in MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING:
        return AutoModelForImageTextToText.from_config(config, dtype=torch.float32, attn_implementation="eager")
    if type(config) not in MODEL_FOR_CAUSAL_LM_MAPPING:  # some have one that the mapping lacks
        module = importlib.import_module(type(config).__module__.replace("configuration_", "modeling_"))
        kind = next(found for name, found in vars(module).items() if name.endswith("ForCausalLM"))
        return kind._from_config(config, dtype=torch.float32, attn_implementation="eager")
    return AutoModelForCausalLM.from_config(config, dtype=torch.float32, attn_implementation="eager")


def _source(config_class: type) -> str:
    """The source of a type's modules: some of the fields that they read are not in the config class."""
    package = Path(inspect.getfile(config_class)).parent
    files = [file for kind in ("configuration", "modeling") for file in package.glob(f"{kind}_*.py")]
    return "".join(file.read_text(encoding="utf-8") for file in files)


def randomize(model: torch.nn.Module) -> None:
    """Makes every weight random: matrices by the size of their input, vectors near their initial values."""
    seen = set()
    buffers = [(name, b) for name, b in model.named_buffers() if name in model.state_dict() and b.is_floating_point()]
    for name, tensor in [*model.named_parameters(), *buffers]:
        if tensor.data_ptr() in seen:
            continue
        seen.add(tensor.data_ptr())
        if tensor.dim() < 2 or name.endswith(("A_log", ".D")) or min(tensor.shape[-2:]) == 1:
            tensor.add_(torch.randn(tensor.shape) * _NOISE)
        else:
            tensor.copy_(torch.randn(tensor.shape) / math.sqrt(tensor.shape[-1]))


def _reference(model, words, random) -> Reference:
    """The first set of prompts whose answers have clear margins and no end token, or the clearest of those tried."""
    best, clearest = None, -1.0
    for attempt in range(_ATTEMPTS):
        tokens = random.integers(0, len(words), 2 * LENGTHS[-1]).tolist()
        prompts = prompts_of([token for token in tokens if token not in words.all_special_ids])
        answers = {name: _greedy(model, prompt) for name, prompt in prompts.items()}
        margin = min(_margin(answer) for answer in answers.values())
        if margin > clearest and not any(words.eos_token_id in answer.argmax(-1) for answer in answers.values()):
            logits = {length: _forward(model, prompts["long"][:length]) for length in LENGTHS}
            best, clearest = Reference(prompts, logits, answers), margin
        if best and (clearest >= _CLEAR or attempt >= _PATIENCE):
            return best
    if best is None:
        raise ValueError(f"the end token is in every one of {_ATTEMPTS} greedy answers")
    return best


def _greedy(model, prompt: list[int]) -> numpy.ndarray:
    """The logits [tokens, vocabulary] of each greedy choice, from passes over all tokens, without a cache.

    Each pass is over a guess of the whole answer and confirms at least one more token; only the first guess comes from
    generation with a cache.
    """
    if _depends_on_length(model.config):
        return _greedy_step_by_step(model, prompt)
    guess = model.generate(
        torch.tensor([prompt]), max_new_tokens=ANSWER, min_new_tokens=ANSWER, do_sample=False, pad_token_id=0
    )[0, len(prompt) :].tolist()
    for _ in range(ANSWER):
        logits = _forward(model, prompt + guess[:-1])[len(prompt) - 1 :]
        if (better := logits.argmax(-1).tolist()) == guess:
            return logits
        guess = better
    return _greedy_step_by_step(model, prompt)  # a token's logits depend on those that follow


def _greedy_step_by_step(model, prompt: list[int]) -> numpy.ndarray:
    tokens, logits = list(prompt), []
    for _ in range(ANSWER):
        logits.append(_forward(model, tokens)[-1])
        tokens.append(int(logits[-1].argmax()))
    return numpy.stack(logits)


def _depends_on_length(config) -> bool:
    """Whether a token's logits depend on how many tokens follow it."""
    return any(kind in json.dumps(config.to_dict(), default=str) for kind in ('"longrope"', '"dynamic"'))


def _forward(model, tokens: list[int]) -> numpy.ndarray:
    logits = model(torch.tensor([tokens]), use_cache=False).logits[0].float().numpy()
    if not numpy.isfinite(logits).all():
        raise ValueError("transformers' logits are not finite")
    return logits


def _margin(logits: numpy.ndarray) -> float:
    """The smallest lead of the first choice over the second, relative to the range of the logits."""
    second, first = numpy.sort(logits, axis=-1)[:, -2:].T
    return float(((first - second) / numpy.ptp(logits, axis=-1)).min())


DRAFT = Case("llama", "draft", {"num_hidden_layers": 1})


def _with_head(folder: Path) -> None:
    """A tied model whose file has the output head too, equal to the embeddings, as some tools save it."""
    weights = load_file(folder / "model.safetensors")
    words = next(
        tensor for name, tensor in weights.items() if name.endswith(("embed_tokens.weight", "embeddings.weight"))
    )
    save_file({**weights, "lm_head.weight": words.clone()}, folder / "model.safetensors", {"format": "pt"})


def _without_prefix(folder: Path) -> None:
    """The names of a base model (no ``model.``), as Qwen3-Embedding has them."""
    weights = load_file(folder / "model.safetensors")
    renamed = {name.removeprefix("model.").removeprefix("transformer."): tensor for name, tensor in weights.items()}
    save_file(renamed, folder / "model.safetensors", {"format": "pt"})


SAVED: dict[str, Callable[[Path], None]] = {"head": _with_head, "bare": _without_prefix, "gpt2_hub": _without_prefix}


def main(cases: list[Case], work: Path) -> None:
    """Makes the folders of the cases, and ``made.json`` with what transformers itself can't make."""
    torch.set_num_threads(1)  # more only slow down models of this size
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    words, failed = tokenizer(), {}
    if cases:
        make(DRAFT, words, work / "draft")
    for case in cases:
        try:
            make(case, words, work / case.id)
        except Exception as error:
            failed[case.id] = f"{type(error).__name__}: {error}".splitlines()[0]
            print(f"{case.id}: {failed[case.id]}", flush=True)
    (work / "made.json").write_text(json.dumps({"cases": [case.id for case in cases], "failed": failed}, indent=1))
