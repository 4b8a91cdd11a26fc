"""Environments of jobs and endpoints: made from the project's conda files, and reused while nothing of them changes."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from flowerops.io.hashing import sha256_bytes
from flowerops.io.project_files import project_file
from flowerops.settings import Settings
from flowerops.targets.azureml.errors import translating

Kind = Literal["train", "serve"]
_DIGITS = 12
_GPU = re.compile(r"standard_n", re.IGNORECASE)
"""The sizes of machines with a GPU; source: "GPU accelerated virtual machine sizes" in Azure's documentation."""


def ensure_environment(ml: Any, kind: Kind, settings: Settings) -> str:
    """The environment for jobs (train) or endpoints (serve); registered when it is not there yet.

    Its version is the digest of the conda file and the image, so the same content is never built twice, and a change
    of either never meets an old environment.

    Args:
        ml: The workspace's client (azure.ai.ml.MLClient).
        kind: What it is for; training on machines with a GPU gets a TensorFlow that uses it.
        settings: Names, images, whether to build it anew in any case.

    Returns:
        `azureml:NAME:VERSION`.
    """
    from azure.ai.ml.entities import Environment

    name, image, conda = _ingredients(kind, settings)
    version = version_of(conda, image)
    if settings.rebuild_environment:
        version += datetime.now(UTC).strftime("-%Y%m%d%H%M%S")
    elif _exists(ml, name, version):
        return f"azureml:{name}:{version}"
    made = Environment(
        name=name,
        version=version,
        image=image,
        conda_file=str(conda),
        description=f"Made by flowerops from conda/{conda.name}.",
    )
    with translating(f"register environment {name}"):
        ml.environments.create_or_update(made)
    return f"azureml:{name}:{version}"


def environment_name(kind: Kind, settings: Settings) -> str:
    """What `ensure_environment` would give, without asking anybody."""
    name, image, conda = _ingredients(kind, settings)
    return f"azureml:{name}:{version_of(conda, image)}"


def version_of(conda: Path, image: str) -> str:
    """The version of an environment: what it is made of, in 12 hex digits."""
    return sha256_bytes(image.encode() + b"\n" + conda.read_bytes())[:_DIGITS]


def has_gpu(size: str) -> bool:
    """Whether machines of this size have a GPU."""
    return _GPU.match(size) is not None


def _ingredients(kind: Kind, settings: Settings) -> tuple[str, str, Path]:
    if kind == "serve":
        return settings.serve_environment, settings.serve_image, project_file("conda/serve.yml")
    if has_gpu(settings.compute_size):
        return settings.train_environment, settings.train_gpu_image, project_file("conda/train-gpu.yml")
    return settings.train_environment, settings.train_image, project_file("conda/train.yml")


def _exists(ml: Any, name: str, version: str) -> bool:
    from azure.core.exceptions import ResourceNotFoundError

    with translating(f"look for environment {name}"):
        try:
            ml.environments.get(name, version=version)
        except ResourceNotFoundError:
            return False
        return True
