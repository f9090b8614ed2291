"""Which exceptions are failures of the device, which are for want of memory, and which are neither."""

import errno

import pytest

from mlx4j_worker import failures
from mlx4j_worker.errors import (
    Cancelled,
    ContextOverflow,
    ConversionFailed,
    EngineFailed,
    InvalidRequest,
    ModelLoadFailed,
    OutOfMemory,
)
from mlx4j_worker.failures import DeviceFailed

METAL = "[METAL] Command buffer execution failed: "
IO = "(0000000%d:kIOGPUCommandBufferCallbackError%s)."


class AcceleratorError(RuntimeError):
    """Named as torch's."""


DEVICE = [
    RuntimeError(METAL + "Caused GPU Timeout Error " + IO % (2, "Timeout")),
    RuntimeError(METAL + "Ignored (for causing prior/excessive GPU errors) " + IO % (4, "SubmissionsIgnored")),
    RuntimeError("cudaStreamSynchronize(stream) failed: an illegal memory access was encountered"),
    RuntimeError("cuLaunchKernel(kernel, x) failed: CUDA_ERROR_ILLEGAL_ADDRESS"),
    RuntimeError("CUDA error: device-side assert triggered\nCUDA kernel errors might be asynchronously reported"),
    AcceleratorError("index out of bounds"),
]
DEVICE_WITHOUT_MEMORY = [
    RuntimeError(METAL + "Insufficient Memory " + IO % (8, "OutOfMemory")),
    RuntimeError("cudaGraphLaunch(graph, stream) failed: out of memory"),
    RuntimeError("CUDA error: out of memory"),
]
MEMORY = [
    MemoryError(),
    MemoryError("std::bad_alloc"),
    OSError(errno.ENOMEM, "Cannot allocate memory"),
    RuntimeError(
        "[metal::malloc] Attempting to allocate 9 bytes which is greater than the maximum allowed buffer size"
    ),
    RuntimeError("[metal::malloc] Resource limit (499000) exceeded."),
    RuntimeError("[malloc] Unable to allocate 9 bytes."),
    RuntimeError("[malloc_or_wait] Unable to allocate 9 bytes."),
    RuntimeError("std::bad_alloc"),
    RuntimeError("CUDA out of memory. Tried to allocate 20.00 MiB. GPU 0 has a total capacity of 7.79 GiB"),
    RuntimeError("MPS backend out of memory (MPS allocated: 9.05 GiB, other allocations: 1 KB, max allowed: 9.07 GiB)"),
    RuntimeError("Invalid buffer size: 12.30 GiB"),
    RuntimeError("[enforce fail at alloc_cpu.cpp:118] err == 0. DefaultCPUAllocator: can't allocate memory: you tried"),
    RuntimeError("[enforce fail at alloc_cpu.cpp:118] DefaultCPUAllocator: not enough memory: you tried to allocate 9"),
]
NEITHER = [
    RuntimeError("[matmul] Last dimension of first input with shape (2,3) must match"),
    RuntimeError("[metal::Device] Unable to build metal library from source"),
    ValueError("the folder /models/OutOfMemory has no weights"),
    FileNotFoundError(errno.ENOENT, "No such file", "/models/out of memory"),
]


@pytest.mark.parametrize("error", DEVICE + DEVICE_WITHOUT_MEMORY, ids=str)
def test_failures_of_the_device(error):
    with pytest.raises(DeviceFailed, match=r"Error: "):
        failures.typed(error, "")
    assert not issubclass(DeviceFailed, Exception)


@pytest.mark.parametrize("error", MEMORY, ids=str)
def test_want_of_memory(error):
    found = failures.typed(error, "Use less.")
    assert isinstance(found, OutOfMemory)
    assert str(error) in str(found)
    assert found.hint == "Use less."


@pytest.mark.parametrize("error", NEITHER, ids=str)
def test_neither(error):
    assert failures.typed(error, "") is None


@pytest.mark.parametrize("own", [Cancelled("c"), InvalidRequest("i"), OutOfMemory("o"), EngineFailed("e")], ids=str)
def test_what_says_itself_what_it_is_stays_so(own):
    assert failures.typed(own, "") is own


@pytest.mark.parametrize("wrapper", [ModelLoadFailed, ConversionFailed, EngineFailed])
@pytest.mark.parametrize("explicit", [True, False])
def test_what_others_wrapped_is_found(wrapper, explicit):
    def wrapped(error):
        try:
            try:
                raise error
            except RuntimeError:
                raise OSError("it can't be written") from (error if explicit else None)
        except OSError as outer:
            wrapping = wrapper("It failed.")
            wrapping.__cause__ = outer
            return wrapping

    with pytest.raises(DeviceFailed):
        failures.typed(wrapped(DEVICE[0]), "")
    assert isinstance(failures.typed(wrapped(MEMORY[3]), ""), OutOfMemory)
    assert isinstance(failures.typed(wrapped(NEITHER[0]), ""), wrapper)


class Call:
    ended = False
    error = None

    def fail(self, error):
        assert not self.ended
        self.ended, self.error = True, error


def test_only_where_memory_was_short_a_call_is_answered_and_only_once():
    for errors, answered in ((DEVICE, False), (DEVICE_WITHOUT_MEMORY, True)):
        for error in errors:
            call = Call()
            with pytest.raises(DeviceFailed) as raised:
                failures.fail(call, error, "Use less.", EngineFailed)
            raised.value.blame(call)
            assert isinstance(call.error, OutOfMemory) == call.ended == raised.value.blamed == answered


def failed(error):
    call = Call()
    try:
        raise error
    except Exception as raised:
        failures.fail(call, raised, "Use less.", lambda error: EngineFailed(f"A step failed: {error}"))
    return call.error


@pytest.mark.parametrize("error", [NEITHER[0], MEMORY[3], ModelLoadFailed("It is damaged.")])
def test_an_answer_has_the_traceback_of_what_led_to_it(error):
    assert failed(error).detail.startswith("Traceback")
    assert str(error) in failed(error).detail


@pytest.mark.parametrize("error", [InvalidRequest("No."), ContextOverflow("No."), Cancelled("No.")])
def test_an_error_of_the_caller_has_none(error):
    assert failed(error).detail == ""


def test_of_a_long_traceback_the_end_stays():
    assert len(failed(RuntimeError("x" * 20_000 + " the end")).detail) <= 16_000
    assert failed(RuntimeError("x" * 20_000 + " the end")).detail.rstrip().endswith("the end")


def test_around_work():
    with pytest.raises(DeviceFailed), failures.checked(""):
        raise DEVICE[0]
    with pytest.raises(RuntimeError), failures.checked(""):
        raise NEITHER[0]
