"""Model folders that the steps make of the small model in this repository."""

import json
import os
import shutil
import struct
from pathlib import Path

from acceptance import product


def with_long_context(folder: Path, tokens: int = 1_000_000) -> Path:
    """A copy of the small model that accepts prompts of so many tokens."""
    shutil.copytree(product.MODEL, folder)
    _change_config(folder, max_position_embeddings=tokens)
    return folder


def too_large(folder: Path, least_bytes: int) -> Path:
    """A copy of the small model with a vocabulary so large that its weights take at least so many bytes.

    The file is sparse: on file systems that support this it takes no space on the disk.
    """
    shutil.copytree(product.MODEL, folder)
    weights = folder / "model.safetensors"
    with weights.open("rb") as stream:
        (length,) = struct.unpack("<Q", stream.read(8))
        header = json.loads(stream.read(length))
    offset = 0
    for name, tensor in header.items():
        if name == "__metadata__":
            continue
        size = tensor["data_offsets"][1] - tensor["data_offsets"][0]
        if name == "model.embed_tokens.weight":
            row_bytes = size // tensor["shape"][0]
            rows = least_bytes // row_bytes + 1
            tensor["shape"][0], size = rows, rows * row_bytes
        tensor["data_offsets"] = [offset, offset + size]
        offset += size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with weights.open("wb") as stream:
        stream.write(struct.pack("<Q", len(text)) + text)
        stream.truncate(8 + len(text) + offset)
    _change_config(folder, vocab_size=rows)
    return folder


def memory_bytes() -> int:
    """The memory of this machine."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _change_config(folder: Path, **changes: object) -> None:
    file = folder / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))
