"""Look into a `.keras` file without Keras: does it hold a plain network, or would loading it do something else?

Keras' safe mode refuses code in Lambda layers, but layers that read files, functions looked up by name and sizes beyond
any memory pass it (CVE-2025-1550, CVE-2025-8747, CVE-2025-9905 and others). What flowerops exports needs none of that,
so everything that is not on a short list is refused before Keras sees the file.
"""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

from flowerops.errors import BadInputError
from flowerops.io.archives import DAMAGE

CONFIG, WEIGHTS = "config.json", "model.weights.h5"
_MEMBERS = {"metadata.json", CONFIG, WEIGHTS}
_SLACK_BYTES = 1 << 20
_MOST_CONFIG_BYTES = 16 << 20
_DEEPEST = 64
_LARGEST_NUMBER = 1 << 20
"""Of units, filters, sides: a layer of so many of each would not fit into memory."""

_MODULES = (
    "keras",
    "keras.layers",
    "keras.initializers",
    "keras.regularizers",
    "keras.constraints",
    "keras.activations",
)
_INNER = ("keras.src.models.", "keras.src.applications.")
"""Networks inside networks, and layers that keras.applications define for themselves."""

_CODE = {"Lambda", "__lambda__", "function", "TFSMLayer", "JaxLayer", "FlaxLayer", "TorchModuleWrapper"}
_READERS = {"StringLookup", "IntegerLookup", "TextVectorization", "Hashing"}
_FREE = {"seed", "shared_object_id"}


def check_keras_archive(path: Path) -> None:
    """Refuse a `.keras` file whose network is more than layers and numbers.

    Args:
        path: The file.

    Raises:
        BadInputError: No such archive, it would unpack to more than its own size, or its network has code, reads files,
            is made of other classes than Keras' own, or has sizes beyond reason.
    """
    name = path.name
    try:
        with zipfile.ZipFile(path) as archive:
            _check_members(archive, name, path.stat().st_size)
            config = json.loads(archive.read(CONFIG))
    except RecursionError as error:
        raise _refused(name, "is nested without end") from error
    except (*DAMAGE, OSError, KeyError, RuntimeError) as error:
        raise _refused(name, "is not a file that Keras wrote, or it is broken") from error
    _check(config, name, None, 0)


def _check_members(archive: zipfile.ZipFile, name: str, size: int) -> None:
    members = archive.infolist()
    if (
        len(members) != len({member.filename for member in members})
        or not {CONFIG, WEIGHTS} <= {member.filename for member in members} <= _MEMBERS
    ):
        raise _refused(name, f"has other members than {', '.join(sorted(_MEMBERS))}")
    unpacked = sum(member.file_size for member in members)
    if unpacked > size + _SLACK_BYTES or archive.getinfo(CONFIG).file_size > _MOST_CONFIG_BYTES:
        raise _refused(name, f"would unpack to {unpacked:,} bytes")


def _check(value: Any, name: str, key: str | None, depth: int) -> None:
    if depth > _DEEPEST:
        raise _refused(name, "is nested without end")
    if isinstance(value, list):
        for member in value:
            _check(member, name, key, depth + 1)
    elif isinstance(value, dict):
        if isinstance(value.get("class_name"), str):
            _check_class(value, name)
        for inner, member in value.items():
            _check(member, name, inner, depth + 1)
    elif isinstance(value, int | float) and abs(value) > _LARGEST_NUMBER and key not in _FREE:
        raise _refused(name, f"has a size beyond reason: {key} {value:g}")


def _check_class(value: dict[str, Any], name: str) -> None:
    class_name, module = value["class_name"], value.get("module")
    if class_name in _CODE:
        raise _refused(name, f"contains executable code ({class_name})")
    if class_name in _READERS:
        raise _refused(name, f"has a layer that reads files ({class_name})")
    if module is None and class_name == "__keras_tensor__":
        return
    if not isinstance(module, str) or not (module in _MODULES or module.startswith(_INNER)):
        raise _refused(name, f"is made of something else than Keras' layers ({module}.{class_name})")


def _refused(name: str, why: str) -> BadInputError:
    return BadInputError(f"{name} {why}", "Use a model that flowerops exported; nothing of this one was loaded.")
