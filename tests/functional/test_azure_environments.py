"""Environments of the emulated Azure ML are built once for the same content."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from flowerops.io.project_files import project_file
from flowerops.settings import Settings, load_settings
from flowerops.targets.azureml.client import AzureClient
from flowerops.targets.azureml.environments import ensure_environment, has_gpu, version_of

if TYPE_CHECKING:
    from azure_emulator import Emulator


@pytest.fixture
def client(azure: Emulator, tmp_path: Path) -> Iterator[AzureClient]:
    with azure.here():
        yield AzureClient(load_settings({"target": "azureml"}, tmp_path))


def changed(settings: Settings, **values: object) -> Settings:
    return settings.model_copy(update=values)


def versions(client: AzureClient, name: str) -> list[str]:
    return [str(one.version) for one in client.ml.environments.list(name=name)]


def test_an_environment_is_made_once_and_anew_when_it_changes_or_somebody_wants_it(client: AzureClient) -> None:
    settings = changed(client.settings, serve_environment="once-serve")
    first = ensure_environment(client.ml, "serve", settings)
    version = version_of(project_file("conda/serve.yml"), settings.serve_image)
    assert first == f"azureml:once-serve:{version}"
    assert ensure_environment(client.ml, "serve", settings) == first
    assert versions(client, "once-serve") == [version]
    other = ensure_environment(client.ml, "serve", changed(settings, serve_image="mcr.microsoft.com/azureml/other:1"))
    rebuilt = ensure_environment(client.ml, "serve", changed(settings, rebuild_environment=True))
    assert rebuilt.startswith(f"{first}-")
    assert len({first, other, rebuilt}) == len(versions(client, "once-serve")) == 3
    made = client.ml.environments.get("once-serve", version=version)
    assert made.image == settings.serve_image
    assert "ai-edge-litert" in str(made.conda_file)


@pytest.mark.parametrize(("size", "gpu"), [("Standard_DS3_v2", False), ("STANDARD_NC4AS_T4_V3", True)])
def test_training_on_a_gpu_gets_another_image_and_tensorflow(client: AzureClient, size: str, gpu: bool) -> None:
    assert has_gpu(size) is gpu
    settings = changed(client.settings, compute_size=size, train_environment=f"train-{gpu}")
    _, name, version = ensure_environment(client.ml, "train", settings).split(":")
    made = client.ml.environments.get(name, version=version)
    assert ("cuda" in str(made.image), "tensorflow[and-cuda]" in str(made.conda_file)) == (gpu, gpu)
