"""A LiteRT file, taken apart and put together again: a FlatBuffer of buffers, tensors and operators in their order.

Source: `schema.fbs` of LiteRT, whose classes come with its package.
"""

from __future__ import annotations

import importlib
from typing import Any

from flowerops.errors import UsageError

_FILE_IDENTIFIER = b"TFL3"
_SLACK_BYTES = 1 << 16


def take_apart(model: bytes) -> tuple[Any, Any]:
    """The module with the format's classes, and the file as a tree of them, a `ModelT`.

    Args:
        model: The bytes of a `.tflite` file.

    Raises:
        UsageError: LiteRT is not installed.
    """
    try:
        schema: Any = importlib.import_module("ai_edge_litert.schema_py_generated")
    except ImportError as error:
        raise UsageError("LiteRT is not installed", 'Install it with: pip install "flowerops[serve]"') from error
    return schema, schema.ModelT.InitFromObj(schema.Model.GetRootAs(model, 0))


def put_together(tree: Any, room: int) -> bytes:
    """The bytes of a file.

    Args:
        tree: As `take_apart` gives it.
        room: About how many bytes there will be.
    """
    flatbuffers: Any = importlib.import_module("flatbuffers")
    builder = flatbuffers.Builder(room + _SLACK_BYTES)
    builder.Finish(tree.Pack(builder), _FILE_IDENTIFIER)
    return bytes(builder.Output())
