"""The weights file is read without PyTorch, and without doing anything that it asks for."""

from __future__ import annotations

import io
import os
import pickle
import sys
import types
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowerops.errors import StoreIntegrityError
from flowerops.ml.backbones.torch_reader import read_state_dict

MAGIC, PROTOCOL = 0x1950A86A20F9469CFC6C, 1001


class _Call:
    """Pickles as a call of a function with arguments."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> Any:
        return self.call


class _Stored:
    """Pickles as a reference to a storage."""

    def __init__(self, kind: Any, key: str, count: int) -> None:
        self.pid = ("storage", kind, key, "cpu", count, None)


class _Pickler(pickle.Pickler):
    def persistent_id(self, value: Any) -> Any:
        return value.pid if isinstance(value, _Stored) else None


def _fake_torch() -> dict[str, types.ModuleType]:
    torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")
    for module, name in ((torch, "FloatStorage"), (torch, "LongStorage"), (utils, "_rebuild_tensor_v2")):
        thing = type(name, (), {"__module__": module.__name__})
        setattr(module, name, thing)
    torch._utils = utils  # type: ignore[attr-defined]
    return {"torch": torch, "torch._utils": utils}


def _tensor(modules: dict[str, types.ModuleType], key: str, array: np.ndarray[Any, Any], offset: int = 0) -> _Call:
    kind = modules["torch"].FloatStorage if array.dtype == np.float32 else modules["torch"].LongStorage
    strides = tuple(stride // array.itemsize for stride in array.strides)
    stored = _Stored(kind, key, offset + array.size)
    rebuild = modules["torch._utils"]._rebuild_tensor_v2
    return _Call(rebuild, stored, offset, array.shape, strides, False, OrderedDict())


def _file(state: Any, storages: dict[str, np.ndarray[Any, Any]], little_endian: bool = True) -> bytes:
    stream = io.BytesIO()
    for value in (MAGIC, PROTOCOL, {"little_endian": little_endian}, state, sorted(storages)):
        _Pickler(stream, protocol=2).dump(value)
    for key in sorted(storages):
        stream.write(np.int64(storages[key].size).tobytes() + storages[key].tobytes())
    return stream.getvalue()


@pytest.fixture(scope="module")
def torch() -> Any:
    modules = _fake_torch()
    with pytest.MonkeyPatch.context() as patch:
        for name, module in modules.items():
            patch.setitem(sys.modules, name, module)
        yield modules


@pytest.fixture(scope="module")
def good(torch: Any) -> bytes:
    kernel = np.arange(24, dtype=np.float32)
    state = OrderedDict(
        kernel=_tensor(torch, "1", kernel.reshape(4, 3, 2).transpose(2, 0, 1)),
        steps=_tensor(torch, "2", np.array(7, np.int64)),
    )
    return _file(state, {"1": kernel, "2": np.array([7], np.int64)})


def test_arrays_come_back_with_their_strides_and_types(good: bytes) -> None:
    state = read_state_dict(good)
    expected = np.arange(24, dtype=np.float32).reshape(4, 3, 2).transpose(2, 0, 1)
    np.testing.assert_array_equal(state["kernel"], expected)
    assert state["kernel"].dtype == np.float32
    assert state["steps"] == 7


def test_a_view_in_the_middle_of_a_storage_is_read_from_its_offset(torch: Any) -> None:
    whole = np.arange(10, dtype=np.float32)
    data = _file(OrderedDict(part=_tensor(torch, "0", whole[4:], offset=4)), {"0": whole})
    np.testing.assert_array_equal(read_state_dict(data)["part"], whole[4:])


@pytest.mark.parametrize("function", [os.system, eval, getattr], ids=["system", "eval", "getattr"])
def test_a_file_that_wants_to_run_something_is_refused_and_nothing_runs(function: Any, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    data = _file(OrderedDict(evil=_Call(function, f"touch {canary}", "x")), {})
    with pytest.raises(StoreIntegrityError, match="asks for"):
        read_state_dict(data)
    assert not canary.exists()


def test_a_tensor_that_reaches_beyond_its_storage_is_refused(torch: Any) -> None:
    few, many = np.zeros(4, np.float32), np.zeros(5, np.float32)
    call = _tensor(torch, "0", many)
    call.call[1][0].pid = ("storage", torch["torch"].FloatStorage, "0", "cpu", 4, None)
    with pytest.raises(StoreIntegrityError, match="beyond its storage"):
        read_state_dict(_file(OrderedDict(wide=call), {"0": few}))


def test_negative_strides_are_refused(torch: Any) -> None:
    backwards = np.arange(4, dtype=np.float32)[::-1]
    with pytest.raises(StoreIntegrityError, match="impossible"):
        read_state_dict(_file(OrderedDict(back=_tensor(torch, "0", backwards)), {"0": backwards.copy()}))


def test_a_big_endian_file_is_refused() -> None:
    with pytest.raises(StoreIntegrityError, match="little-endian"):
        read_state_dict(_file(OrderedDict(), {}, little_endian=False))


@settings(max_examples=30, deadline=None)
@given(share=st.floats(0, 0.999))
def test_a_file_cut_off_anywhere_is_refused(good: bytes, share: float) -> None:
    with pytest.raises(StoreIntegrityError):
        read_state_dict(good[: int(len(good) * share)])


@pytest.mark.parametrize("data", [b"", b"<html>not found</html>", b"PK\x03\x04 a newer file", b"\x80\x02K\x07."])
def test_any_other_file_is_refused(data: bytes) -> None:
    with pytest.raises(StoreIntegrityError):
        read_state_dict(data)
