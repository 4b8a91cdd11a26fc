"""Small steps, pipelines and a client for tests of the emulated Azure."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from azure.ai.ml import Input, MLClient, Output, command, dsl
from azure.ai.ml.entities import Data, Environment
from azure.identity import DefaultAzureCredential

from azure_emulator import Emulator

ENVIRONMENT = "azureml:toys:1"


def client(azure: Emulator) -> MLClient:
    """The real client; use it within `azure.here()`."""
    logging.getLogger("azure.ai.ml").setLevel(logging.ERROR)
    variables = azure.environment()
    names = (variables[name] for name in ("SUBSCRIPTION_ID", "RESOURCE_GROUP", "WORKSPACE_NAME"))
    ml = MLClient(DefaultAzureCredential(), *names, show_progress=False)
    ml.environments.create_or_update(Environment(name="toys", version="1", image="mcr.microsoft.com/toys:1"))
    return ml


def folder_asset(ml: MLClient, folder: Path, count: int = 3) -> str:
    """A data asset with some files; gives `azureml:NAME:1`."""
    source = folder / "photos"
    for index in range(count):
        path = source / f"kind{index % 2}" / f"{index}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"photo {index} {uuid.uuid4()}")
    name = f"photos-{uuid.uuid4().hex[:8]}"
    ml.data.create_or_update(Data(name=name, version="1", path=str(source), type="uri_folder"))
    return f"azureml:{name}:1"


def toy(text: str, *, outputs: tuple[str, ...] = ("out",), code: Path | None = None, **more: Any) -> Callable[..., Any]:
    """A component that runs a shell command with a folder `data` and outputs, each of them a folder."""
    inputs = {"data": Input(type="uri_folder", optional="data" not in text)} | more.pop("inputs", {})
    if "${{inputs.data}}" not in text:
        inputs.pop("data")
    return command(
        name=f"toy-{uuid.uuid4().hex[:6]}",
        command=text,
        code=str(code) if code else None,
        environment=ENVIRONMENT,
        inputs=inputs,
        outputs={name: Output(type="uri_folder", mode=more.pop(f"{name}_mode", None)) for name in outputs},
        is_deterministic=False,
        **more,
    )


def pipeline(*parts: Callable[..., Any], data: str | None = None, **inputs: Any) -> Any:
    """A pipeline job: the first part reads the data asset, each other one the output of the part before."""

    def chain(photos: Any) -> dict[str, Any]:
        source = photos
        for part in parts:
            takes = {name: value for name, value in inputs.items() if name in part.component.inputs}
            step = part(**({"data": source} if "data" in part.component.inputs else {}), **takes)
            source = getattr(step.outputs, "out", None) if "out" in part.component.outputs else None
        return {"result": source} if source is not None else {}

    def with_photos(photos):  # type: ignore[no-untyped-def]
        return chain(photos)

    def without_photos():  # type: ignore[no-untyped-def]
        return chain(None)

    # The SDK reads annotations as the types of a pipeline's inputs.
    with_photos.__annotations__ = {"photos": Input(type="uri_folder")}
    make = dsl.pipeline(name="toys", display_name="toys", experiment_name="toys", compute="serverless")
    job = make(with_photos)(photos=Input(type="uri_folder", path=data)) if data else make(without_photos)()
    job.name = f"toys-{uuid.uuid4().hex[:10]}"
    return job
