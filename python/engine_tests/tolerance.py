"""How far two computations of the same thing may be apart on the device at hand."""

from functools import cache
from importlib.util import find_spec

_GPU_FACTOR = 100
_GPU_LIMIT = 1e-2


@cache
def device() -> str:
    """Where the engine of this environment computes: cpu, or the name of a GPU's kind."""
    if find_spec("mlx"):
        import mlx.core as mx

        return "cpu" if mx.default_device() == mx.cpu else "gpu"
    from mlx4j_worker.hf.devices import choose_device

    return choose_device()[0]


def tolerance(cpu: float) -> float:
    """The largest difference allowed; ``cpu`` is what was measured to be enough on CPUs, where it is returned as it is.

    The value for GPUs is UNMEASURED. A CPU adds in much the same order for every shape, so that its differences are a
    few units in the last place of float32. A GPU picks its kernel by shape (a prefill is a matrix product, a decoded
    token a product with a vector), splits sums over threads, and has fast versions of exp and rsqrt with a relative
    error of some 1e-5: 100 times as much. The limit of 0.01 stays far below what a wrong computation does to the
    logits of the models here: 0.1 and more.
    """
    return cpu if device() == "cpu" else max(cpu, min(cpu * _GPU_FACTOR, _GPU_LIMIT))
