"""Write a Llama model with a byte-level BPE tokenizer, such as the small test model, as float32 GGUF for scripts/bench.

Arguments: the model folder and the GGUF file to write. Needs the packages gguf and safetensors, in any environment.
"""

import json
import sys
from pathlib import Path

import gguf
import numpy as np
from safetensors.numpy import load_file


def write(folder: Path, out: Path) -> None:
    """Write the GGUF file of a model folder with one safetensors file."""
    config = json.loads((folder / "config.json").read_text())
    writer = gguf.GGUFWriter(str(out), "llama")
    layers = config["num_hidden_layers"]
    writer.add_name(folder.name)
    writer.add_block_count(layers)
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_key_length(config["head_dim"])
    writer.add_value_length(config["head_dim"])
    writer.add_rope_dimension_count(config["head_dim"])
    writer.add_rope_freq_base(config["rope_parameters"]["rope_theta"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_vocab_size(config["vocab_size"])
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    _add_tokenizer(writer, json.loads((folder / "tokenizer.json").read_text()), config["eos_token_id"])
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, layers)
    heads = {"q_proj": config["num_attention_heads"], "k_proj": config["num_key_value_heads"]}
    for name, weight in load_file(folder / "model.safetensors").items():
        count = next((count for projection, count in heads.items() if projection in name), None)
        rows = weight if count is None else _interleave(weight, count)
        writer.add_tensor(names.get_name(name, (".weight",)), rows.astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _add_tokenizer(writer: gguf.GGUFWriter, tokenizer: dict, eos: int) -> None:
    vocabulary = dict(tokenizer["model"]["vocab"])
    types = [gguf.TokenType.NORMAL] * len(vocabulary)
    for token in tokenizer["added_tokens"]:
        vocabulary[token["content"]] = token["id"]
        types.extend([gguf.TokenType.NORMAL] * (token["id"] + 1 - len(types)))
        types[token["id"]] = gguf.TokenType.CONTROL if token["special"] else gguf.TokenType.USER_DEFINED
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(sorted(vocabulary, key=vocabulary.__getitem__))
    writer.add_token_types(types)
    writer.add_token_merges([m if isinstance(m, str) else " ".join(m) for m in tokenizer["model"]["merges"]])
    writer.add_eos_token_id(eos)
    writer.add_add_bos_token(False)


def _interleave(weight: np.ndarray, heads: int) -> np.ndarray:
    """Reorder the rows of a [heads * size, in] projection into the pairs that llama.cpp rotates: (0, size / 2), …"""
    halves = weight.reshape(heads, 2, -1, weight.shape[1])
    return halves.swapaxes(1, 2).reshape(weight.shape)


if __name__ == "__main__":
    write(Path(sys.argv[1]), Path(sys.argv[2]))
