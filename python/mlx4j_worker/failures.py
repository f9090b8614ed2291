"""Classifies exceptions of MLX, torch and the system: whose fault they are, and whether memory ran out."""

import errno
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from mlx4j_worker.errors import (
    Cancelled,
    ContextOverflow,
    ConversionFailed,
    EngineFailed,
    Internal,
    InvalidRequest,
    ModelLoadFailed,
    NotReady,
    OutOfMemory,
    ProtocolVersion,
    UnknownMethod,
    WorkerError,
)

if TYPE_CHECKING:
    from mlx4j_worker.call import Call

# MLX: mlx/backend/metal/device.cpp and mlx/backend/cuda/utils.cpp; torch: "CUDA error: …" and torch.AcceleratorError.
_DEVICE = re.compile(r"\[METAL\]|[Cc]ommand buffer|CUDA error|device-side assert|\bcu(da)?[A-Z]\w*\(.*\) failed: ")
_MEMORY = re.compile(
    r"Insufficient Memory|OutOfMemory|[Oo]ut of memory|[Uu]nable to allocate|Attempting to allocate|\[(metal::)?malloc"
    r"|bad_alloc|can't allocate memory|not enough memory|[Cc]annot allocate memory|ALLOC_FAILED|Invalid buffer size"
)
_VAGUE = (ModelLoadFailed, ConversionFailed, EngineFailed, Internal)  # may wrap an error for want of memory
_UNTRACED = (Cancelled, ContextOverflow, InvalidRequest, NotReady, ProtocolVersion, UnknownMethod)  # about the request


class Exit(BaseException):
    """Ends the process in an orderly way, with the exit code ``code``."""

    def __init__(self, code: Any) -> None:
        super().__init__(code)
        self.code = code


class DeviceFailed(BaseException):
    """The accelerator failed, so none of its recent results can be trusted, whichever request it was for.

    MLX reports a failed command buffer once, at a later evaluation, which may belong to another request. So this is
    not an Exception: it passes everything that handles the failure of one request, and ends the worker.
    """

    def __init__(self, error: Exception, hint: str) -> None:
        super().__init__(_text(error))
        self._out_of_memory = _out_of_memory(error, hint) if _is_memory(error) else None
        self.blamed = False  # whether a call was answered

    def blame(self, *calls: Any) -> None:
        """Answers calls with OutOfMemory if memory was short; otherwise leaves them open for the next worker."""
        for call in calls if self._out_of_memory else ():
            if not call.ended:
                call.fail(self._out_of_memory)
                self.blamed = True


def check(error: Exception, hint: str = "") -> None:
    """Raises DeviceFailed if an exception was caused by the accelerator."""
    for one in _chain(error):
        if isinstance(one, RuntimeError) and (type(one).__name__ == "AcceleratorError" or _DEVICE.search(str(one))):
            raise DeviceFailed(one, hint) from error


@contextmanager
def checked(hint: str) -> Iterator[None]:
    """Wraps work: errors caused by the accelerator become DeviceFailed; ``hint`` as for ``typed``."""
    try:
        yield
    except Exception as error:
        check(error, hint)
        raise


def typed(error: Exception, hint: str) -> WorkerError | None:
    """The WorkerError for an exception, or None if its kind is unknown.

    ``hint`` says what to do where memory was short. Raises DeviceFailed if the accelerator failed.
    """
    check(error, hint)
    if isinstance(error, WorkerError) and not isinstance(error, _VAGUE):
        return error
    if short := next(filter(_is_memory, _chain(error)), None):
        return _out_of_memory(short, hint)
    return error if isinstance(error, WorkerError) else None


def fail(call: "Call", error: Exception, hint: str, other: type | Callable[..., Any]) -> None:
    """Answers a call with the WorkerError for what its own work raised: ``typed``, else ``other(error)``.

    Raises DeviceFailed if the accelerator failed.
    """
    try:
        found = typed(error, hint)
    except DeviceFailed as failure:
        failure.blame(call)
        raise
    call.fail(traced(found or other(error), error))


def traced(found: WorkerError, error: Exception) -> WorkerError:
    """The WorkerError ``found``, with the traceback of ``error`` as its detail unless it is about the request."""
    if not isinstance(found, _UNTRACED):
        found.trace(error)
    return found


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The exception, and those that it was raised from or while handling."""
    found: BaseException | None = error
    while found is not None:
        yield found
        found = found.__cause__ or found.__context__


def _is_memory(error: BaseException) -> bool:
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    return isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and bool(_MEMORY.search(str(error))))


def _out_of_memory(error: BaseException, hint: str) -> OutOfMemory:
    return OutOfMemory(f"There was not enough memory: {_text(error)}", hint)


def _text(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"
