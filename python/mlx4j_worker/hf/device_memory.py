"""The device memory that torch uses, and how much is available."""

from typing import Any

import torch

from mlx4j_worker import memory
from mlx4j_worker.hf.meta_device import META


def used_bytes(device: str) -> dict[str, int] | None:
    """Memory of torch's tensors on a device type, in bytes, as ``ping`` reports it.

    None on the CPU, where torch doesn't count. MPS doesn't record a peak, so its peak is the present use.
    """
    if device == "cuda":
        active, peak = torch.cuda.memory_allocated(), torch.cuda.max_memory_allocated()
        return {"activeBytes": active, "peakBytes": peak, "cacheBytes": torch.cuda.memory_reserved() - active}
    if device == "mps":
        active = torch.mps.current_allocated_memory()
        cache = max(0, torch.mps.driver_allocated_memory() - active)
        return {"activeBytes": active, "peakBytes": active, "cacheBytes": cache}
    return None


def available_bytes(device: str, limit: int | None = None) -> int | None:
    """Memory that new tensors can use on a device type now, in bytes, or None if it is unknown.

    Memory that torch keeps for later use counts as available. ``limit`` is the user's own, which only CUDA enforces.
    For META it is that of the CPU, or None where there is CUDA, which only a real load asks for its memory.
    """
    if device == META and torch.cuda.is_available():
        return None
    if device == "cuda":
        return _on_cuda(limit)
    free, used = memory.available_bytes(), used_bytes(device)
    if device != "mps" or used is None:
        return free
    room = max(0, torch.mps.recommended_max_memory() - used["activeBytes"])
    return room if free is None else min(room, free + used["cacheBytes"])


def _on_cuda(limit: int | None) -> Any:
    devices = range(torch.cuda.device_count())
    active = sum(torch.cuda.memory_allocated(one) for one in devices)
    reserved = sum(torch.cuda.memory_reserved(one) for one in devices)
    free = sum(torch.cuda.mem_get_info(one)[0] for one in devices) + reserved - active
    return min(free, max(0, limit - active)) if limit else free
