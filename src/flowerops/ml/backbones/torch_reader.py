"""Read the arrays of a PyTorch state dictionary in the old (pre-1.6, non-zip) format without PyTorch.

The format: four pickles in a row (magic number, protocol, system facts, the dictionary), a fifth with the sorted keys
of the storages, then each storage as an 8-byte element count and its raw little-endian elements.
"""

from __future__ import annotations

import io
import pickle
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from flowerops.errors import StoreIntegrityError

_MAGIC = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001
_COUNT = np.dtype("<i8")
_STORAGE_TYPES = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}


@dataclass(frozen=True)
class _Storage:
    key: str
    dtype: np.dtype[Any]
    elements: int


@dataclass(frozen=True)
class _Tensor:
    """A view on a storage; offset and strides count elements."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


class _Unpickler(pickle.Unpickler):
    """Knows four names and calls nothing else; a file that asks for more is refused."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _rebuild_tensor
        if module == "torch" and name in _STORAGE_TYPES:
            return _STORAGE_TYPES[name]
        raise StoreIntegrityError(f"weights file asks for {module}.{name}, which no list of arrays needs")

    def persistent_load(self, pid: Any) -> _Storage:
        kind, dtype, key, _device, elements, view = pid
        if kind != "storage" or not isinstance(dtype, np.dtype) or view is not None:
            raise StoreIntegrityError(f"weights file has an unknown reference of kind {kind!r}")
        return _Storage(str(key), dtype, int(elements))


def _rebuild_tensor(
    storage: _Storage, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], _grad: bool, _hooks: Any
) -> _Tensor:
    return _Tensor(storage, int(offset), tuple(shape), tuple(strides))


def read_state_dict(data: bytes) -> dict[str, npt.NDArray[Any]]:
    """Parse the file's bytes; check their hash first, for a hostile pickle can still ask for much memory.

    Returns:
        Arrays by name, in PyTorch's layout (convolutions: [out, in, height, width]); float32 or int64.

    Raises:
        StoreIntegrityError: Not such a file, cut off, or it names anything but arrays.
    """
    try:
        return _read(io.BytesIO(data))
    except StoreIntegrityError:
        raise
    except Exception as error:  # a broken pickle raises nearly anything
        raise StoreIntegrityError(f"weights file is broken: {error}") from error


def _read(stream: io.BytesIO) -> dict[str, npt.NDArray[Any]]:
    if _Unpickler(stream).load() != _MAGIC or _Unpickler(stream).load() != _PROTOCOL:
        raise StoreIntegrityError("weights file is not in the old PyTorch format")
    facts = _Unpickler(stream).load()
    if facts.get("little_endian") is not True:
        raise StoreIntegrityError("weights file is not little-endian")
    tensors: dict[str, _Tensor] = _Unpickler(stream).load()
    keys: list[str] = _Unpickler(stream).load()
    kinds = {tensor.storage.key: tensor.storage for tensor in tensors.values()}
    storages = {key: _read_storage(stream, kinds[key]) for key in keys}
    return {name: _view(tensor, storages[tensor.storage.key]) for name, tensor in tensors.items()}


def _read_storage(stream: io.BytesIO, storage: _Storage) -> npt.NDArray[Any]:
    count = int(np.frombuffer(stream.read(_COUNT.itemsize), _COUNT)[0])
    if count != storage.elements:
        raise StoreIntegrityError(f"weights file: storage {storage.key} has {count} elements, not {storage.elements}")
    return np.frombuffer(stream.read(count * storage.dtype.itemsize), storage.dtype, count)


def _view(tensor: _Tensor, elements: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Strided view, checked against the storage's bounds, as an array of its own."""
    if len(tensor.shape) != len(tensor.strides) or min((*tensor.shape, *tensor.strides, tensor.offset), default=0) < 0:
        raise StoreIntegrityError("weights file: impossible tensor shape")
    last = tensor.offset + sum((size - 1) * stride for size, stride in zip(tensor.shape, tensor.strides, strict=True))
    if last >= len(elements):
        raise StoreIntegrityError("weights file: a tensor reaches beyond its storage")
    strides = tuple(stride * elements.itemsize for stride in tensor.strides)
    return np.lib.stride_tricks.as_strided(elements[tensor.offset :], tensor.shape, strides, writeable=False).copy()
