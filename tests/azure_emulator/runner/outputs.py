"""Outputs of a step: mounted or uploaded, then known as assets."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from azure_emulator import asset_forms, assets
from azure_emulator.blobs import ARTIFACTS, Place
from azure_emulator.names import ARTIFACT_DATASTORE, DEFAULT_DATASTORE, REGION, WORKSPACE_ID, datastore_uri
from azure_emulator.runner.plan import Output, Step
from azure_emulator.runs import Run

if TYPE_CHECKING:
    from azure_emulator.cloud import Cloud

_TYPES = {"custom_model": "CustomModel", "mlflow_model": "MLFlowModel", "uri_file": "UriFile"}


class Outputs:
    """The outputs of one run of a step on one node."""

    def __init__(self, cloud: Cloud, run: Run, step: Step, folder: Path) -> None:
        self._cloud, self._run, self._step, self._folder = cloud, run, step, folder
        self._mounted: dict[str, list[str]] = {}

    def folder(self, name: str) -> Path:
        return self._folder / name

    def address(self, name: str) -> str:
        """Where an output lies, in the long form."""
        output = self._step.outputs[name]
        default = datastore_uri(DEFAULT_DATASTORE, f"azureml/{self._run.identifier}/{name}/")
        uri = (output.uri or default).replace("${{name}}", self._run.identifier)
        return asset_forms.long_uri(self._cloud, uri)

    def place(self, name: str) -> Place:
        return self._cloud.blobs.place(self.address(name))

    def prepare(self) -> None:
        """A mounted folder shows what its path holds already."""
        for name, output in self._step.outputs.items():
            self.folder(name).mkdir(parents=True, exist_ok=True)
            if output.is_mounted:
                self._mounted[name] = self._cloud.blobs.pull(self.place(name), self.folder(name))

    def save(self, *, succeeded: bool) -> None:
        """What was written through a mount stays, however the step ended; an upload needs success."""
        for name, output in self._step.outputs.items():
            if not (output.is_mounted or succeeded):
                continue
            sent = self._cloud.blobs.push(self.folder(name), self.place(name))
            gone = set(self._mounted.get(name, [])) - set(sent)
            self._cloud.blobs.remove(self.place(name), gone)

    def save_artifacts(self, code: Path) -> None:
        """`./outputs` and `./logs` of the working folder belong to the run."""
        for name in ("outputs", "logs"):
            if (code / name).is_dir():
                target = Place(ARTIFACTS, f"ExperimentRun/dcid.{self._run.identifier}/{name}")
                sent = self._cloud.blobs.push(code / name, target)
                self._run.logs += [f"{name}/{path}" for path in sent if name == "logs"]

    def register(self) -> None:
        """Beside its own outputs, every step has `default`: its artifacts."""
        artifacts = datastore_uri(ARTIFACT_DATASTORE, f"ExperimentRun/dcid.{self._run.identifier}/")
        self._run.outputs["default"] = self._register("default", Output(), artifacts)
        for name, output in self._step.outputs.items():
            self._run.outputs[name] = self._register(name, output, self.address(name))

    def _register(self, name: str, output: Output, address: str) -> dict[str, str]:
        """An output without a name becomes an anonymous asset; one with a name, but no version, gets the next."""
        kind = "models" if output.is_model else "data"
        asset = output.asset or f"azureml_{self._run.identifier}_output_data_{name}"
        sent = {"isAnonymous": output.asset is None, "dataUri": address, "dataType": output.kind}
        if output.is_model:
            sent |= {"modelUri": address, "modelType": output.kind, "jobName": self._run.identifier}
        form = asset_forms.FORMS[kind](self._cloud, sent)
        with self._cloud.state.lock:
            version = output.version or (assets.next_version(self._cloud, kind, asset) if output.asset else "1")
            assets.store(self._cloud, kind, asset, version, form)
        identifier = f"azureml://locations/{REGION}/workspaces/{WORKSPACE_ID}/{kind}/{asset}/versions/{version}"
        return {"assetId": identifier, "type": _TYPES.get(output.kind, "UriFolder")}
