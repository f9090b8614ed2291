"""The call ``inspect``: a dry load, which fails where loading the model would, but reads no weights."""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from mlx4j_worker import memory
from mlx4j_worker.call import Call
from mlx4j_worker.errors import InvalidRequest, OutOfMemory
from mlx4j_worker.requests.fields import refuse_unknown, typed
from mlx4j_worker.requests.options import parse_options

MAX_BYTES = 4 << 30  # that a dry load may add to the process
_PARAMS = {"protocol", "model", "download", "options"}
_OPTIONS = {"adapter", "base", "expert", "allowPickles"}
_LOOK_SECONDS = 0.1
_EXIT_TOO_LARGE = 70


def inspect(call: Call, load: Callable) -> dict:
    """The result of ``inspect``; raises what ``initialize`` would answer.

    ``load(params, options, progress)`` is the dry load of an engine.
    """
    refuse_unknown(call.params, _PARAMS, "")
    refuse_unknown(typed(call.params, "options", dict, {}), _OPTIONS, "options.")
    model = call.params.get("model")
    if not isinstance(model, dict) or not isinstance(model.get("source"), str):
        raise InvalidRequest("model must be an object with a source, a string.")
    with _bounded(call):
        described = load(call.params, parse_options(call.params), call.progress).describe()
    return {name: described[name] for name in ("contextLength", "capabilities", "embeddings", "warnings", "packages")}


@contextmanager
def _bounded(call: Call) -> Iterator[None]:
    """Ends the process, with an answer, where it takes MAX_BYTES more than before."""
    most, over = (memory.resident_bytes() or 0) + MAX_BYTES, threading.Event()

    def watch() -> None:
        while not over.wait(_LOOK_SECONDS):
            if (memory.resident_bytes() or 0) > most:
                call.fail(
                    OutOfMemory(f"To inspect the model takes more than {memory.format_bytes(MAX_BYTES)} of memory.")
                )
                os._exit(_EXIT_TOO_LARGE)

    watching = threading.Thread(target=watch, name="mlx4j-bounds", daemon=True)
    watching.start()
    try:
        yield
    finally:
        over.set()
        watching.join()
