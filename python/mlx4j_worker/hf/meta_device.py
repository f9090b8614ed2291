"""Loads the names, shapes and dtypes of weights without their data, onto torch's meta device."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from safetensors import safe_open
from transformers import modeling_utils

META = "meta"


@contextmanager
def weights_unread() -> Iterator[None]:
    """Around a load by transformers onto META: every tensor of a safetensors file is an empty one on META."""
    before, modeling_utils.safe_open = modeling_utils.safe_open, _File
    try:
        yield
    finally:
        modeling_utils.safe_open = before


class _File:
    """What transformers uses of safetensors' ``safe_open``."""

    def __init__(self, path: str, framework: str, device: str = "cpu", **more: Any) -> None:
        self._file = safe_open(path, framework="np")  # with "pt" it would reserve memory for all of the file

    def keys(self) -> list[str]:
        return self._file.keys()

    def metadata(self) -> dict[str, str] | None:
        return self._file.metadata()

    def get_slice(self, name: str) -> "_Slice":
        return _Slice(self._file.get_slice(name))

    def __enter__(self) -> "_File":
        return self

    def __exit__(self, *error: object) -> None:
        self._file.__exit__(None, None, None)


class _Slice:
    """What transformers uses of a slice: its shape and dtype, and all of the tensor as ``slice[...]``."""

    def __init__(self, real: Any) -> None:
        self._real = real

    def get_shape(self) -> list[int]:
        return self._real.get_shape()

    def get_dtype(self) -> str:
        return self._real.get_dtype()

    def __getitem__(self, index: Any) -> torch.Tensor:
        dtype = modeling_utils.str_to_torch_dtype[self.get_dtype()]
        return torch.empty(self.get_shape(), dtype=dtype, device=META)[index]
