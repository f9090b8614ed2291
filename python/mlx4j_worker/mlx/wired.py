"""The wired limit, which is off by default, and freeing MLX's memory before the process ends."""

import gc
import logging

import mlx.core as mx

_log = logging.getLogger("mlx4j.mlx")
_limits: list[int] = []  # bytes; of this process, as MLX's limit is


def set_limit(weight_bytes: int, kv_bytes: int) -> None:
    """Keeps the weights and KV cache room of the given sizes, in bytes, resident in GPU memory.

    The limit never exceeds what the device recommends. Does nothing where there is no such device.
    """
    most = mx.device_info().get("max_recommended_working_set_size")
    if not most:
        _log.warning("options.wiredLimit has no effect: MLX uses no GPU with a wired limit here")
        return
    _limits.append(min(weight_bytes + kv_bytes, most))
    mx.set_wired_limit(_limits[-1])


def release() -> None:
    """Gives back all of MLX's memory that nothing refers to any more, and the wired limit. Waits for the device."""
    gc.collect()
    mx.clear_cache()
    if _limits:
        mx.set_wired_limit(0)
        _limits.clear()
    mx.synchronize()
