"""Reads the headers of safetensors files and rejects incomplete files."""

import json
import os
from dataclasses import dataclass
from math import prod
from pathlib import Path
from reprlib import repr as shown
from typing import Any

from mlx4j_worker.errors import ModelLoadFailed

MAX_HEADER_BYTES = 16 << 20  # some 150,000 tensors
_BITS = {"BOOL": 8, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6, "F16": 16, "BF16": 16, "F32": 32, "F64": 64, "C64": 64}
_BITS |= {f"F8_{kind}": 8 for kind in ("E4M3", "E5M2", "E8M0", "E4M3FNUZ", "E5M2FNUZ")}
_BITS |= {f"{sign}{bits}": bits for sign in "UI" for bits in (8, 16, 32, 64)}
_MAX_DIMENSIONS = 16
_CHUNK = 1 << 20  # bytes of two tensors that are compared at once


@dataclass(frozen=True)
class Tensor:
    """A tensor as the header has it; ``size`` is in bytes, ``begin`` the position of its data in the file, in bytes."""

    dtype: str
    shape: tuple[int, ...]
    size: int
    begin: int


def read_header(path: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file by their names; raises ModelLoadFailed if the file is not whole."""
    try:
        with open(path, "rb") as file:
            length = int.from_bytes(file.read(8), "little")
            size = os.fstat(file.fileno()).st_size
            if length > MAX_HEADER_BYTES:
                raise _Damaged(f"its header would take {length} bytes, but the limit is {MAX_HEADER_BYTES}")
            if size < 8 or length > size - 8:
                raise _Damaged(f"it has {size} bytes, but its header would take {length}")
            header = json.loads(file.read(length), object_pairs_hook=_without_duplicates)
    except OSError as error:
        raise ModelLoadFailed(f"{path} can't be read: {error.strerror}.", "Check its permissions.") from None
    except (ValueError, RecursionError) as error:  # _Damaged too
        raise _damaged(path, error) from None
    try:
        return _tensors(header, 8 + length, size - 8 - length)
    except _Damaged as error:
        raise _damaged(path, error) from None


def same_bytes(one: tuple[Path, Tensor], other: tuple[Path, Tensor]) -> bool:
    """Whether two tensors, each with its file, have the same dtype, shape and data. Reads a chunk at a time."""
    (path, tensor), (other_path, other_tensor) = one, other
    if (tensor.dtype, tensor.shape) != (other_tensor.dtype, other_tensor.shape):
        return False
    with open(path, "rb") as file, open(other_path, "rb") as other_file:
        file.seek(tensor.begin)
        other_file.seek(other_tensor.begin)
        for done in range(0, tensor.size, _CHUNK):
            count = min(_CHUNK, tensor.size - done)
            if file.read(count) != other_file.read(count):
                return False
    return True


def read_floats(path: Path) -> dict[str, Any]:
    """The tensors of a small safetensors file of BF16, F16 or F32 by their names, as float32 arrays of numpy."""
    import numpy

    tensors, data = read_header(path), Path(path).read_bytes()
    found = {}
    for name, tensor in tensors.items():
        raw = data[tensor.begin : tensor.begin + tensor.size]
        if tensor.dtype == "BF16":  # the upper half of a float32
            values = (numpy.frombuffer(raw, "<u2").astype("<u4") << 16).view("<f4")
        else:
            values = numpy.frombuffer(raw, {"F16": "<f2", "F32": "<f4"}[tensor.dtype]).astype("<f4")
        found[name] = values.reshape(tensor.shape)
    return found


class _Damaged(ValueError):
    pass


def _damaged(path: Path, why: _Damaged | Exception) -> ModelLoadFailed:
    return ModelLoadFailed(f"{path} is damaged: {why}.", "Download or copy the file again.")


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _Damaged("its header has a name twice")
    return found


def _tensors(header: dict[str, Any], data_begin: int, data_bytes: int) -> dict[str, Tensor]:
    if not isinstance(header, dict):
        raise _Damaged("its header is no JSON object")
    tensors, ranges = {}, []
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        dtype, shape, offsets = _fields(name, entry)
        begin, end = offsets
        if dtype not in _BITS:
            raise _Damaged(f"{shown(name)} is of the unknown type {shown(dtype)}")
        if begin > end or 8 * (end - begin) != prod(shape) * _BITS[dtype]:
            raise _Damaged(f"{shown(name)} takes bytes {begin} to {end}, which {dtype} {shape} can't")
        tensors[name] = Tensor(dtype, tuple(shape), end - begin, data_begin + begin)
        ranges.append((begin, end, name))
    at = 0
    for begin, end, name in sorted(ranges):
        if begin != at:
            raise _Damaged(f"{shown(name)} begins at byte {begin} of the data, not at {at}")
        at = end
    if at != data_bytes:
        raise _Damaged(f"its tensors take {at} bytes, but the file holds {data_bytes} of them")
    return tensors


def _fields(name: str, entry: dict[str, Any]) -> tuple[str, list[int], list[int]]:
    try:
        dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
        numbers = [*shape, *offsets] if len(shape) <= _MAX_DIMENSIONS else [None]
        if isinstance(dtype, str) and len(offsets) == 2 and all(type(n) is int and 0 <= n < 2**62 for n in numbers):
            return dtype, shape, offsets
    except (TypeError, KeyError):
        pass
    raise _Damaged(f"its header has an invalid entry for {shown(name)}")
