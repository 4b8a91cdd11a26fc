"""What is in an image, as a CycloneDX document.

Source: CycloneDX 1.6, ECMA-424.
"""

from __future__ import annotations

import uuid
from importlib import metadata
from typing import Any

from flowerops import __version__
from flowerops.services.package_lock import Pinned
from flowerops.targets.protocol import ModelVersion

_Component = dict[str, Any]
_NAMESPACE = uuid.UUID("5b6f9d0e-5c0f-5e63-9c2f-1f6a4c3d7b21")


def sbom(model: ModelVersion, base_image: str, pins: list[Pinned]) -> dict[str, Any]:
    """The document; the same model, base image and packages always give the same one.

    Args:
        model: What is served.
        base_image: The image below.
        pins: The packages that are installed on it.
    """
    packages = [_package(pin) for pin in pins]
    server = _component("application", "flowerops", __version__, f"pkg:pypi/flowerops@{__version__}")
    served = _component("machine-learning-model", model.name, str(model.version), f"model:{model}")
    served["hashes"] = [{"alg": "SHA-256", "content": model.digest}]
    base = _base(base_image)
    image = {"type": "container", "bom-ref": "image", "name": model.name, "version": str(model.version)}
    components = [base, server, served, *packages]
    content = "\n".join(sorted(str(one["bom-ref"]) for one in components)) + model.digest
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(_NAMESPACE, content)}",
        "version": 1,
        "metadata": {
            "component": image,
            "tools": {"components": [{"type": "application", "name": "flowerops", "version": __version__}]},
        },
        "components": components,
        "dependencies": _dependencies(base, server, served, pins),
    }


def _dependencies(base: _Component, server: _Component, served: _Component, pins: list[Pinned]) -> list[dict[str, Any]]:
    refs = {pin.name: _purl(pin) for pin in pins}
    below: dict[str, list[str]] = {name: [] for name in refs}
    for pin in pins:
        for parent in pin.wanted_by & set(refs):
            below[parent].append(refs[pin.name])
    direct = [refs[pin.name] for pin in pins if "flowerops" in pin.wanted_by]
    return [
        {"ref": "image", "dependsOn": [base["bom-ref"], server["bom-ref"], served["bom-ref"]]},
        {"ref": server["bom-ref"], "dependsOn": sorted(direct)},
        *({"ref": refs[name], "dependsOn": sorted(children)} for name, children in below.items()),
    ]


def _package(pin: Pinned) -> _Component:
    found = _component("library", pin.name, pin.version, _purl(pin)) | {"purl": _purl(pin)}
    licence = _licence(pin)
    return found | ({"licenses": [{"expression": licence}]} if licence else {})


def _licence(pin: Pinned) -> str | None:
    """The SPDX expression that the installed package states, where this very version is installed here."""
    try:
        stated = metadata.metadata(pin.name)
    except metadata.PackageNotFoundError:
        return None
    same = stated["Version"] == pin.version
    return stated["License-Expression"] if same and "License-Expression" in stated else None


def _base(base_image: str) -> _Component:
    name, _, digest = base_image.partition("@")
    repository, _, tag = name.rpartition(":") if ":" in name.rpartition("/")[2] else (name, "", "latest")
    found = _component("container", repository, digest or tag, f"base:{base_image}")
    if digest.startswith("sha256:"):
        found["hashes"] = [{"alg": "SHA-256", "content": digest.removeprefix("sha256:")}]
    return found


def _component(kind: str, name: str, version: str, ref: str) -> _Component:
    return {"type": kind, "bom-ref": ref, "name": name, "version": version}


def _purl(pin: Pinned) -> str:
    return f"pkg:pypi/{pin.name}@{pin.version}"
