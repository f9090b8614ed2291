"""Makes small models, adapters and DyLoRA-MoEs for tests, in the hf worker's environment. Each is the same every time.

    python -m engine_tests.models KIND FOLDER [fields of its config, as JSON]

writes one into FOLDER and prints the folder, or file, to load; ``all FOLDER`` writes every kind into a folder of its
own there. The kinds are the keys of KINDS. Adapters and DyLoRA-MoEs are for tiny-chat, which they name by its path.
"""

import json
import shutil
import sys
from functools import partial
from pathlib import Path

import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    PreTrainedTokenizerFast,
)

BASE = Path(__file__).resolve().parents[2] / "src/test/resources/models/tiny-chat"
TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja")
QUESTIONS = ("Who are you?", "Tell me a long story", "Why is the sky blue?")  # the router's first, second, third expert
RANK, ALPHA, DROPOUT = 4, 12, 0.05
_SIZES = {
    "vocab_size": 1024,
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "intermediate_size": 128,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 512,
    "initializer_range": 0.15,  # large, so that attention, and with it every position, has a say
    "bos_token_id": None,
    "eos_token_id": 2,
    "pad_token_id": 0,
}
_EXPERTS = {"num_experts_per_tok": 2, "intermediate_size": 64}
_GPT2 = {
    "vocab_size": 1024,
    "n_embd": 64,
    "n_layer": 2,
    "n_head": 4,
    "n_positions": 256,
    "initializer_range": 0.15,
    "bos_token_id": 2,
    "eos_token_id": 2,
}
_OPT = {**_SIZES, "ffn_dim": 128, "word_embed_proj_dim": 64}
_PHI3_CODE = {"AutoConfig": "configuration_phi3.Phi3Config", "AutoModelForCausalLM": "modeling_phi3.Phi3ForCausalLM"}


def tokenizer(folder):
    """Puts tiny-chat's tokenizer into a folder."""
    for name in TOKENIZER_FILES:
        shutil.copy(BASE / name, folder)


def small(model_type, sizes, folder, dtype="float32", max_shard_size="1GB", **fields):
    """A model with random weights and the tokenizer of tiny-chat, as transformers saves it."""
    with torch.random.fork_rng():
        torch.manual_seed(7)
        made = AutoModelForCausalLM.from_config(AutoConfig.for_model(model_type, **{**sizes, **fields}))
    made.to(getattr(torch, dtype)).save_pretrained(folder, max_shard_size=max_shard_size)
    tokenizer(folder)
    return Path(folder)


llama = partial(small, "llama", {**_SIZES, "tie_word_embeddings": False})


def rope(model_type="llama", *, folder, parameters, **fields):
    """A model with other rotary embeddings."""
    return small(model_type, {**_SIZES, "tie_word_embeddings": False}, folder, rope_parameters=parameters, **fields)


def head_of_its_own(folder, **fields):
    """A llama whose config.json says that the head is the embeddings, which its weights belie."""
    llama(folder, **fields)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "tie_word_embeddings": True}))
    return folder


def gpt2_of_the_hub(folder, **fields):
    """GPT-2 as it is on the hub: no prefix, the attention's masks among the weights, and an old config.json."""
    small("gpt2", _GPT2, folder, **fields)
    weights = load_file(folder / "model.safetensors")
    weights = {name.removeprefix("transformer."): tensor for name, tensor in weights.items()}
    config = json.loads((folder / "config.json").read_text())
    positions = config["n_positions"]
    for layer in range(config["n_layer"]):
        weights[f"h.{layer}.attn.bias"] = torch.ones(positions, positions).tril()[None, None].clone()
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    kept = {"architectures": ["GPT2LMHeadModel"], "model_type": "gpt2", "n_ctx": positions}
    kept |= {name: config[name] for name in ("activation_function", "initializer_range", "layer_norm_epsilon", *_GPT2)}
    kept["task_specific_params"] = {"text-generation": {"do_sample": True, "max_length": 50}}
    (folder / "config.json").write_text(json.dumps(kept, indent=2))
    (folder / "generation_config.json").unlink()
    return folder


def adapted(seed=7, name="default", model=None, **fields):
    """tiny-chat, or a model of PEFT, with one more random LoRA adapter that has a say."""
    targets = ["q_proj", "k_proj", "v_proj", "o_proj"]
    given = {"r": RANK, "lora_alpha": ALPHA, "lora_dropout": DROPOUT, "target_modules": targets}
    config = LoraConfig(task_type="CAUSAL_LM", **{**given, **fields})
    if model is None:
        model = get_peft_model(AutoModelForCausalLM.from_pretrained(BASE), config, adapter_name=name)
    else:
        model.add_adapter(name, config)
    random = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for key, parameter in model.named_parameters():
            if f".{name}" in key and "lora_magnitude" not in key:
                parameter.copy_(torch.randn(parameter.shape, generator=random) * 0.12)
    return model.eval()


def peft(folder, **fields):
    """An adapter of PEFT for tiny-chat."""
    adapted(**fields).save_pretrained(folder)
    return Path(folder)


def experts():
    """(a model of PEFT with the experts expert_0, expert_1, …, the weights of their router's gate)."""
    model, count = None, len(QUESTIONS)
    for i in range(count):
        model = adapted(seed=20 + i, name=f"expert_{i}", model=model)
    return model, gate(model, count)


def gate(model, count):
    """A gate that gives most tokens of each of QUESTIONS to its expert: a fit by least squares."""
    words = AutoTokenizer.from_pretrained(BASE)
    states, wanted = [], []
    for i, question in enumerate(QUESTIONS[:count]):
        chat = [{"role": "user", "content": question}]
        text = words.apply_chat_template(chat, tokenize=False, add_generation_prompt=True)
        with torch.no_grad(), model.disable_adapter():
            hidden = model.get_base_model().model(torch.tensor([words.encode(text)])).last_hidden_state[0]
        states.append(torch.cat([hidden, torch.ones(len(hidden), 1)], 1).double())
        wanted.append(torch.nn.functional.one_hot(torch.full((len(hidden),), i), count).double())
    inputs, targets = torch.cat(states), torch.cat(wanted)
    ridge = torch.eye(inputs.shape[1], dtype=torch.float64)
    fit = torch.linalg.solve(inputs.T @ inputs + ridge, inputs.T @ targets).float().T
    return {"weight": fit[:, :-1].contiguous(), "bias": fit[:, -1].contiguous()}


def dylora_a(folder, **fields):
    """Form A: all weights of the training's wrapper in best_model, and the router beside it."""
    config = {"base_model_name_or_path": str(BASE), "model_type": "dylora-moe", "num_experts": len(QUESTIONS)}
    config |= {"lora_r": RANK, "lora_alpha": ALPHA, "lora_dropout": DROPOUT, "saved_at": "2025-10-01 12:00:00"}
    return _wrapped(folder, {**config, **fields})


def dylora_b(folder, **fields):
    """Form B: as A, but the config.json is the base model's with more fields."""
    config = {**_base_config(), **_metadata()}
    return _wrapped(folder, {**config, **fields})


def dylora_c(folder, **fields):
    """Form C: the experts and the router as pickles."""
    model, weights = experts()
    for i in range(len(weights["bias"])):
        name = f"expert_{i}"
        (folder / "peft_adapters").mkdir(exist_ok=True)
        own = {key: tensor.detach().clone() for key, tensor in model.named_parameters() if name in key}
        torch.save(own, folder / "peft_adapters" / f"{name}.pt")
    _router_state(folder, weights)
    config = {**_base_config(), **_metadata(), "model_type": "dylora-moe", "_dylora_format": "peft_separated"}
    (folder / "config.json").write_text(json.dumps({**config, **fields}))
    tokenizer(folder)
    return folder


def dylora_d(folder, **fields):
    """Form D: a checkpoint, with each expert as an adapter of PEFT and the router as safetensors; no tokenizer."""
    model, weights = experts()
    for i in range(len(weights["bias"])):
        name = f"expert_{i}"
        model.set_adapter(name)
        model.save_pretrained(folder / "peft_adapters" / name, selected_adapters=[name])
    save_file({f"gate.{name}": tensor for name, tensor in weights.items()}, folder / "router.safetensors")
    config = {"model_type": "dylora-moe", "_dylora_format": "peft_separated", "_dylora_checkpoint_step": 100}
    config |= {"base_model_name_or_path": str(BASE), "num_experts": len(QUESTIONS), "checkpoint_type": "peft_only"}
    (folder / "config.json").write_text(json.dumps({**config, **fields}))
    return folder


def reranker(folder, name="Qwen3-Reranker-tiny", model_type="qwen3", **fields):
    """A decoder in a folder with the name of a reranker; its tokenizer has the tokens yes and no."""
    path = Path(folder, name)
    small(model_type, {**_TIED, "head_dim": 16, "vocab_size": 1032}, path, **fields)
    words = AutoTokenizer.from_pretrained(BASE)
    words.add_tokens(["no"])
    words.save_pretrained(path)
    return path


def classifier(folder, model_type="bert", labels=1, **fields):
    """A sequence classifier, and a tokenizer that makes pairs as BERT's does, or RoBERTa's."""
    sizes = {**_SIZES, "vocab_size": 96, "num_labels": labels, "max_position_embeddings": 64, **fields}
    roberta = model_type in ("roberta", "xlm-roberta")
    sizes |= {"pad_token_id": 1, "type_vocab_size": 1} if roberta else {}
    with torch.random.fork_rng():
        torch.manual_seed(9)
        made = AutoModelForSequenceClassification.from_config(AutoConfig.for_model(model_type, **sizes))
        with torch.no_grad():
            for parameter in made.parameters():  # biases and norms too
                parameter.add_(torch.randn(parameter.shape) * 0.1)
    made.save_pretrained(folder)
    _pairs(roberta).save_pretrained(folder)
    return Path(folder)


def _pairs(roberta):
    """A tokenizer of characters."""
    special = ["<s>", "<pad>", "</s>", "<unk>"] if roberta else ["[PAD]", "[CLS]", "[SEP]", "[UNK]"]
    vocabulary = {token: i for i, token in enumerate([*special, *map(chr, range(33, 124))])}
    words = Tokenizer(models.WordLevel(vocabulary, special[3]))
    words.normalizer = normalizers.Lowercase()
    words.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    begin, end, pad = (special[0], special[2], special[1]) if roberta else (special[1], special[2], special[0])
    pair = f"{begin} $A {end} {end} $B {end}" if roberta else f"{begin} $A {end} $B:1 {end}:1"
    ids = [(token, vocabulary[token]) for token in (begin, end)]
    words.post_processor = processors.TemplateProcessing(single=f"{begin} $A {end}", pair=pair, special_tokens=ids)
    names = ["input_ids", "attention_mask", *([] if roberta else ["token_type_ids"])]
    made = PreTrainedTokenizerFast(
        tokenizer_object=words, pad_token=pad, unk_token=special[3], cls_token=begin, sep_token=end
    )  # fmt: skip
    made.model_input_names = names
    return made


def action_head(folder, hidden=192):
    """A file with an action head; 192 is tiny-chat's hidden size."""
    random = torch.Generator().manual_seed(11)
    shapes = {"0.weight": (hidden // 2, hidden), "0.bias": (hidden // 2,), "2.weight": (6, hidden // 2), "2.bias": (6,)}
    path = Path(folder) / "action_head.safetensors"
    save_file({name: torch.randn(shape, generator=random) for name, shape in shapes.items()}, path)
    return path


def _base_config():
    return AutoConfig.from_pretrained(BASE).to_dict()


def _metadata():
    given = {"num_experts": len(QUESTIONS), "lora_r": RANK, "lora_alpha": ALPHA, "lora_dropout": DROPOUT}
    given |= {"trained": True, "saved_at": "2025-10-01 12:00:00"}
    return {"base_model_name_or_path": str(BASE), **{f"_dylora_{name}": value for name, value in given.items()}}


def _wrapped(folder, config):
    """The weights as a wrapper has them, which holds the model of PEFT and the router, and untied the head."""
    model, weights = experts()
    states = {f"foundation_model.{name}": tensor.clone() for name, tensor in model.state_dict().items()}
    states |= {f"router.gate.{name}": tensor for name, tensor in weights.items()}
    best = folder / "best_model"
    best.mkdir()
    save_file(states, best / "model.safetensors", {"format": "pt"})
    (best / "config.json").write_text(json.dumps(config))
    tokenizer(best)
    _router_state(folder, weights)
    return best


def _router_state(folder, weights):
    state = folder / "dylo_moe_state"
    state.mkdir()
    router = {"gate_state_dict": weights, "num_experts": len(weights["bias"]), "input_size": weights["weight"].shape[1]}
    torch.save({**router, "top_k": 1, "temperature": 2.0}, state / "router.pt")


_LLAMA3 = {"rope_type": "llama3", "rope_theta": 500000.0, "factor": 8.0, "low_freq_factor": 1.0}
_LLAMA3 |= {"high_freq_factor": 4.0, "original_max_position_embeddings": 128}
_TIED = {**_SIZES, "tie_word_embeddings": True}
KINDS = {
    "llama": llama,
    "llama-linear": partial(rope, parameters={"rope_type": "linear", "rope_theta": 10000.0, "factor": 4.0}),
    "llama-llama3": partial(rope, parameters=_LLAMA3),
    "llama-head": head_of_its_own,
    "llama-theta": partial(rope, parameters={"rope_type": "default", "rope_theta": 1000000.0}),
    "mistral": partial(small, "mistral", {**_SIZES, "sliding_window": None}),
    "mistral-window": partial(small, "mistral", {**_SIZES, "sliding_window": 8}),
    "gpt2": partial(small, "gpt2", _GPT2),
    "gpt2-hub": gpt2_of_the_hub,
    "qwen2": partial(small, "qwen2", _TIED),
    "qwen3": partial(small, "qwen3", {**_TIED, "head_dim": 16}),
    "phi3": partial(small, "phi3", {**_SIZES, "auto_map": _PHI3_CODE}),
    "gemma": partial(small, "gemma", {**_TIED, "head_dim": 16, "num_key_value_heads": 1}),
    "olmoe": partial(small, "olmoe", {**_SIZES, **_EXPERTS, "num_experts": 4}),
    "mixtral": partial(small, "mixtral", {**_SIZES, **_EXPERTS, "num_local_experts": 4}),
    "opt": partial(small, "opt", _OPT),  # mlx-lm has no such model
    "peft": peft,
    "peft-rslora": partial(peft, use_rslora=True),
    "peft-patterns": partial(peft, rank_pattern={"q_proj": 8}, alpha_pattern={"v_proj": 20}),
    "dylora-a": dylora_a,
    "dylora-b": dylora_b,
    "dylora-c": dylora_c,
    "dylora-d": dylora_d,
    "reranker": reranker,
    "classifier": classifier,
    "action-head": action_head,
}


def make(kind, folder, **fields):
    """Makes one into a folder, which need not be there, and returns what is to be loaded."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    return KINDS[kind](folder=folder, **fields)


def main(kind, folder, fields="{}"):
    for name in KINDS if kind == "all" else [kind]:
        print(make(name, Path(folder) / name if kind == "all" else folder, **json.loads(fields)))


if __name__ == "__main__":
    main(*sys.argv[1:])
