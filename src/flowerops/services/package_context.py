"""The files of an image's build context."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from string import Template
from typing import Any

from flowerops import __version__
from flowerops.io.project_files import project_file
from flowerops.services.bundles import read_bundle
from flowerops.services.package_lock import Pinned, as_requirements, needed_by, read_lock
from flowerops.services.package_sbom import sbom
from flowerops.serving.requirements import DISTRIBUTIONS
from flowerops.serving.snapshot import copy_rooms
from flowerops.targets.protocol import ModelVersion

BASE_IMAGE = "python:3.11-slim-bookworm"
PORT = 8080

_LOCK = "locks/serve.txt"
_TEMPLATES = Path(__file__).with_name("container")
_PYTHON = re.compile(r":(3\.\d+)(?=[.@-]|$)")
_HEALTHCHECK = (
    "import http.client as h; c = h.HTTPConnection('127.0.0.1', {port}, timeout=2); c.request('GET', '/healthz'); "
    "raise SystemExit(c.getresponse().status != 200)"
)


def write_context(folder: Path, model: ModelVersion, bundle: Path, base_image: str) -> list[Pinned]:
    """Fill an empty folder; the same model, base image and flowerops always give the same files.

    Returns:
        The packages that the image will have.
    """
    lock = needed_by(DISTRIBUTIONS, read_lock(project_file(_LOCK).read_text(encoding="utf-8")))
    pins = [pin for pin in lock if pin.suits(_environment(base_image))]
    copy_rooms(folder / "app")
    shutil.copytree(bundle, folder / "bundle")
    (folder / "requirements.txt").write_text(as_requirements(lock), encoding="utf-8")
    document = json.dumps(sbom(model, base_image, pins), indent=2)
    (folder / "sbom.cdx.json").write_text(document + "\n", encoding="utf-8")
    values = _values(model, bundle, base_image)
    for template, name in (("Dockerfile", "Dockerfile"), ("README.md", "README.md"), ("dockerignore", ".dockerignore")):
        text = Template((_TEMPLATES / template).read_text(encoding="utf-8")).substitute(values)
        (folder / name).write_text(text, encoding="utf-8")
    _let_everybody_read(folder)
    return pins


def _let_everybody_read(folder: Path) -> None:
    """The image has the modes of these files, and its user is neither their owner nor anybody of this machine."""
    for path in folder.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)


def _values(model: ModelVersion, bundle: Path, base_image: str) -> dict[str, Any]:
    info = read_bundle(bundle)
    python = "/opt/venv/bin/python"
    serve = ["-P", "-m", "flowerops.serving.server", "--bundle", "/srv/bundle", "--digest", model.digest]
    named = ["--model-name", model.name, "--model-version", str(model.version), "--host", "0.0.0.0"]  # noqa: S104
    dataset = info.processed
    return {
        "base_image": base_image,
        "base_name": base_image.partition("@")[0],
        "model": model.name,
        "version": model.version,
        "digest": model.digest,
        "dataset": f"{dataset.name}:{dataset.version} ({dataset.digest})",
        "flowerops": __version__,
        "port": PORT,
        "tag": default_tag(model),
        "healthcheck": json.dumps([python, "-c", _HEALTHCHECK.format(port=PORT)]),
        "entrypoint": json.dumps([python, *serve, *named, "--port", str(PORT)]),
    }


def default_tag(model: ModelVersion) -> str:
    """What the image is called where nobody says."""
    return f"{re.sub(r'[^a-z0-9._-]', '-', model.name.lower())}:{model.version}"


def _environment(base_image: str) -> dict[str, str]:
    """The variables of markers inside the image."""
    found = _PYTHON.search(base_image) or _PYTHON.search(BASE_IMAGE)
    assert found is not None
    return {
        "implementation_name": "cpython",
        "os_name": "posix",
        "platform_machine": "x86_64",
        "platform_python_implementation": "CPython",
        "platform_system": "Linux",
        "python_full_version": f"{found[1]}.0",
        "python_version": found[1],
        "sys_platform": "linux",
    }
