"""A `.keras` file whose bytes follow from the model alone."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

from flowerops.io.atomic import atomic_write

_METADATA, _CONFIG, _DATE, _SHARED = "metadata.json", "config.json", "date_saved", "shared_object_id"
_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest time that a ZIP archive can say."""


def save(model: Any, path: Path) -> None:
    """Write a model, without the optimizer and whatever else only training needs; the model stays as it is.

    A training that was resumed in its second phase never compiled the model of the first: what is left of a training in
    a model is not the same after an interruption, and nobody goes on from an exported file.

    Args:
        model: keras.Model of Keras' own layers.
        path: A file that nobody reads yet.
    """
    import keras

    plain = keras.models.clone_model(model)
    for variable, copy in zip(model.variables, plain.variables, strict=True):  # the state of random numbers, too
        copy.assign(variable)
    plain.save(path)
    settle(path)


def settle(path: Path) -> None:
    """Take out of a `.keras` file what differs from one saving of a model to the next, and leave the model as it is.

    These are the time of day, in the archive and in its metadata, and the memory addresses by which Keras tells objects
    that several layers share; they become 1, 2, 3 … in the order in which they occur.
    """
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    metadata = json.loads(members[_METADATA])
    members[_METADATA] = json.dumps({name: value for name, value in metadata.items() if name != _DATE}).encode()
    members[_CONFIG] = json.dumps(_numbered(json.loads(members[_CONFIG]), {})).encode()
    settled = io.BytesIO()
    with zipfile.ZipFile(settled, "w") as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), data)
    atomic_write(path, settled.getvalue())


def _numbered(value: Any, numbers: dict[int, int]) -> Any:
    if isinstance(value, list):
        return [_numbered(member, numbers) for member in value]
    if not isinstance(value, dict):
        return value
    return {
        name: numbers.setdefault(member, len(numbers) + 1) if name == _SHARED else _numbered(member, numbers)
        for name, member in value.items()
    }
