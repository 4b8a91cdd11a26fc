"""A step of the services as the inputs and outputs of a pipeline: paths become uris, documents become texts."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flowerops.domain.dataset import PROCESSED_SUFFIX
from flowerops.domain.documents import Document
from flowerops.domain.params import PreprocessParams
from flowerops.domain.progress import Progress
from flowerops.errors import BadInputError, UsageError
from flowerops.io.hashing import sha256_bytes, sha256_file
from flowerops.targets.azureml.blobs import files_of
from flowerops.targets.azureml.data import AzureDatasets
from flowerops.targets.azureml.mirror import Mirror, Place
from flowerops.targets.azureml.models import AzureModels
from flowerops.targets.azureml.orders import OutputPlace
from flowerops.targets.protocol import StepRequest, TrainingParams


@dataclass(frozen=True)
class Wiring:
    """What a pipeline is given; members as in `JobOrder`."""

    inputs: Mapping[str, str] = field(default_factory=dict)
    folders: Mapping[str, str] = field(default_factory=dict)
    outputs: Mapping[str, OutputPlace] = field(default_factory=dict)
    model_folders: frozenset[str] = frozenset()


class Wirer:
    """Translates requests; uploads what lies on this machine only. instances: machines that share the decoding."""

    def __init__(self, mirror: Mirror, datasets: AzureDatasets, models: AzureModels, instances: int = 1) -> None:
        self.mirror = mirror
        self.datasets = datasets
        self.models = models
        self._instances = instances

    def wire(self, request: StepRequest, job: str, progress: Progress) -> Wiring:
        """The wiring of one step that runs in a job of its own."""
        if request.name == "preprocess":
            return self._preprocess(request, job)
        if request.name == "train":
            return self._train(request, job)
        if request.name == "evaluate":
            return self._evaluate(request, job, progress)
        if request.name == "score":
            return self._score(request, job, progress)
        raise UsageError(f"step {request.name} has no pipeline of its own")

    def place_of_output(self, step: str, job: str, dataset: str | None = None) -> Place:
        """Where a job's step leaves its folder."""
        if step == "preprocess":
            return self.mirror.place("datasets", str(dataset), job)
        return self.mirror.place("runs", job, step)

    def training_outputs(self, job: str) -> dict[str, OutputPlace]:
        """The outputs that every training job has."""
        return {
            "trained": OutputPlace(self.place_of_output("train", job).uri),
            "cache": OutputPlace(self.mirror.place("cache").uri),
            "checkpoints": OutputPlace(self.mirror.place("runs", job, "checkpoints").uri),
        }

    def data_uri(self, folder: Path) -> str:
        """A dataset version's folder as a data asset, any other place of the datastore as its uri."""
        asset = self.datasets.asset_of(folder)
        if asset is not None:
            return asset
        place = self.mirror.place_of(folder)
        if place is None:
            raise BadInputError(f"{folder} is not in the workspace")
        return place.uri

    def model_uri(self, bundle: Path) -> str:
        """A registered bundle as `azureml:NAME:VERSION`."""
        found = self.models.asset_of(bundle)
        if found is None:
            raise BadInputError(f"{bundle} is no registered model of the workspace")
        return found

    def _preprocess(self, request: StepRequest, job: str) -> Wiring:
        raw = _path(request.inputs["raw"])
        name = str(request.context.raw.name if request.context.raw else "") + PROCESSED_SUFFIX
        folders, inputs = {"raw": self.data_uri(raw)}, {"recipe": request.values["recipe"], **_documents(request)}
        earlier = [self.mirror.place_of(folder) for folder in _paths(request.inputs.get("earlier"))]
        above = self.mirror.place("datasets", name)
        names = [place.path.rpartition("/")[2] for place in earlier if place and place == above / _last(place)]
        if names:
            folders["earlier"], inputs["earlier_names"] = above.uri, ",".join(names)
        if self._instances > 1 and isinstance(request.params, PreprocessParams):
            inputs |= {"image_size": str(request.params.image_size), "fit": str(request.params.fit)}
        place = self.place_of_output("preprocess", job, name)
        return Wiring(inputs, folders, {"processed": OutputPlace(place.uri, name)})

    def _train(self, request: StepRequest, job: str) -> Wiring:
        folders = {"data": self.data_uri(_path(request.inputs["data"]))}
        return Wiring(_documents(request), folders, self.training_outputs(job))

    def _evaluate(self, request: StepRequest, job: str, progress: Progress) -> Wiring:
        given = request.inputs
        folders: dict[str, str] = {}
        training, models = given.get("training"), set()
        if training is not None:
            folders["trained"] = self.data_uri(_path(training))
        else:
            folders["model"] = self.model_uri(_path(given["bundle"]))
            models.add("model")
        for name in ("data", "raw"):
            if (folder := given.get(name)) is not None:
                folders[name] = self.data_uri(_path(folder))
        if (photos := given.get("photos")) is not None:
            folders["photos"] = self.sent(_path(photos), progress).uri
        if (champion := given.get("champion")) is not None:
            folders["champion"] = self.model_uri(_path(champion))
            models.add("champion")
        inputs = _documents(request)
        if gate := request.values.get("gate"):
            inputs["gate"] = shell_safe(gate)
        place = self.place_of_output("evaluate", job)
        return Wiring(inputs, folders, {"evaluated": OutputPlace(place.uri)}, frozenset(models))

    def _score(self, request: StepRequest, job: str, progress: Progress) -> Wiring:
        photos = self.sent(_path(request.inputs["photos"]), progress)
        folders = {"photos": photos.uri, "model": self.model_uri(_path(request.inputs["bundle"]))}
        place = self.place_of_output("score", job)
        return Wiring({}, folders, {"scored": OutputPlace(place.uri)}, frozenset({"model"}))

    def sent(self, folder: Path, progress: Progress) -> Place:
        """Upload a folder of the user's under the digest of its content, unless it is there."""
        files = {name: path for name, path in files_of(folder).items() if not path.is_symlink()}
        if not files:
            raise BadInputError(f"{folder} has no files", "Name a folder with one sub-folder a class.")
        digests = {name: sha256_file(path) for name, path in files.items()}
        digest = sha256_bytes(json.dumps(digests, sort_keys=True).encode())
        place = self.mirror.place("inputs", digest[:16])
        blobs = self.mirror.blobs(place.datastore)
        blobs.complete(place.path, files, f"uploading {folder.name}", progress, digests)
        return place


def shell_safe(text: str) -> str:
    """JSON that means the same and can stand between single quotes in the command of a job.

    The service puts inputs into the command as they are; `'` would end the quotes, and `$` could begin an expression.
    """
    return text.replace("'", "\\u0027").replace("$", "\\u0024")


def document_text(document: Document) -> str:
    """A document as the text of an input."""
    return shell_safe(document.model_dump_json(exclude_none=True))


def training_texts(params: TrainingParams) -> dict[str, str]:
    """The inputs of a training pipeline's three steps."""
    return {
        "train_params": document_text(params.train),
        "evaluate_params": document_text(params.evaluate),
        "register_params": document_text(params.register),
        "policy": document_text(params.policy),
    }


def _documents(request: StepRequest) -> dict[str, str]:
    return {"params": document_text(request.params), "context": document_text(request.context)}


def _last(place: Place) -> str:
    return place.path.rpartition("/")[2]


def _path(value: Any) -> Path:
    if not isinstance(value, Path):
        raise UsageError("a step's input must be a folder")
    return value


def _paths(value: Path | Sequence[Path] | None) -> list[Path]:
    return [value] if isinstance(value, Path) else list(value or [])
