"""Estimates of the memory that weights, logits and KV caches take, and checks that it is available."""

import resource
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mlx4j_worker import macos
from mlx4j_worker.errors import OutOfMemory


def kv_bytes_per_token(config: dict[str, Any], value_bytes: float) -> int | None:
    """Bytes that one token adds to the KV cache, or None for an architecture whose cache isn't a plain one.

    ``config`` is config.json as a dict; 2 (keys and values) x layers x KV heads x head size x ``value_bytes``.
    """
    text = config.get("text_config")
    config = text if text and isinstance(text, dict) else config
    layers: Any = config.get("num_hidden_layers")
    heads: Any = config.get("num_attention_heads")
    kv_heads = config.get("num_key_value_heads") or heads
    head_dim = config.get("head_dim") or (config.get("hidden_size") or 0) // (heads or 1)
    plain = not config.get("kv_lora_rank") and set(config.get("layer_types") or []) <= {"full_attention"}
    if plain and all(isinstance(n, int) and n > 0 for n in (layers, kv_heads, head_dim)):
        return int(2 * layers * kv_heads * head_dim * value_bytes)
    return None


def available_bytes() -> int | None:
    """Memory that this machine can provide now without swapping, in bytes, or None if that is unknown."""
    if sys.platform == "darwin":
        return macos.available_bytes()
    try:
        with open("/proc/meminfo", encoding="ascii") as lines:
            found = next((line for line in lines if line.startswith("MemAvailable:")), None)
    except OSError:
        return None
    return min([int(found.split()[1]) * 1024, *_left_in_cgroups()]) if found else None


def _left_in_cgroups(root: Path | str = "/sys/fs/cgroup", own: Path | str = "/proc/self/cgroup") -> Iterator[int]:
    """What the limits of this process's control groups leave, for each that has one; file cache counts as left."""
    try:
        lines = [line.rstrip("\n").split(":", 2) for line in Path(own).read_text().splitlines()]
    except OSError:
        return
    path = next((path for kind, names, path in lines if kind == "0" and not names), "/")
    for at in (Path(path.lstrip("/")), *Path(path.lstrip("/")).parents):
        try:
            limit, used, stat = (
                (Path(root) / at / f"memory.{name}").read_text() for name in ("max", "current", "stat")
            )
            cache = sum(int(line.split()[1]) for line in stat.splitlines() if line.split()[0].endswith("active_file"))
            yield max(0, int(limit) - int(used) + cache)
        except (OSError, ValueError, IndexError):  # no limit, or version 1, where containers are of another age
            continue


def resident_bytes() -> int | None:
    """Memory of the machine that this process uses now, in bytes, or None if that is unknown."""
    if sys.platform == "darwin":
        return macos.footprint_bytes()
    try:
        with open("/proc/self/statm", encoding="ascii") as line:
            return int(line.read().split()[1]) * resource.getpagesize()
    except OSError:
        return None


def format_bytes(count: int | float) -> str:
    """A number of bytes as people read it: in GB (10^9 bytes), else in MB, KB or bytes."""
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("KB", 1e3)):
        if round(count / size, 1) >= 1:
            return f"{count / size:.1f} {unit}"
    return f"{int(count)} bytes"


def check_weights(path: str | Path, needed: int, available: int | None) -> None:
    """Raises OutOfMemory if the weights of a model, ``needed`` bytes, don't fit; None lets everything pass."""
    if available is not None and needed > available:
        raise OutOfMemory(
            f"The weights of {path} take {format_bytes(needed)}, but {format_bytes(available)} are available.",
            "Close other programs, or use a smaller or quantized model.",
        )


def check_logits(tokens: int, vocabulary: int, available: int | None) -> None:
    """Raises OutOfMemory if the logits of so many tokens, in 32-bit floats, don't fit; None lets everything pass."""
    needed = tokens * vocabulary * 4
    if available is not None and needed > available:
        raise OutOfMemory(
            f"The logits of {tokens} tokens take {format_bytes(needed)}, but {format_bytes(available)} are available.",
            "Send fewer tokens.",
        )


def check(tokens: int, reserved_tokens: int, bytes_per_token: int | None, available: int | None) -> None:
    """Raises OutOfMemory if ``tokens`` more don't fit beside the ``reserved_tokens`` of requests that run already.

    What those have taken so far is counted twice, on the safe side. Unknown figures (None) let everything pass.
    """
    if bytes_per_token is None or available is None:
        return
    needed = (tokens + reserved_tokens) * bytes_per_token
    if needed > available:
        raise OutOfMemory(
            f"The KV cache may take {format_bytes(needed)} ({tokens} tokens of this request and {reserved_tokens} of "
            f"others, {bytes_per_token} bytes each), but {format_bytes(available)} are available.",
            "Send a shorter prompt or a smaller maxTokens, or fewer requests at once.",
        )
