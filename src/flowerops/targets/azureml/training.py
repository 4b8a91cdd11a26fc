"""The training pipeline as one job: train, evaluate, register."""

from __future__ import annotations

from flowerops.domain.progress import Progress
from flowerops.targets.azureml.client import AzureClient
from flowerops.targets.azureml.orders import OutputPlace
from flowerops.targets.azureml.preview import preview_yaml
from flowerops.targets.azureml.publishing import Publisher
from flowerops.targets.azureml.requests import Wirer, Wiring, document_text, training_texts
from flowerops.targets.azureml.runs import AzureRuns
from flowerops.targets.azureml.submit import Submitter
from flowerops.targets.protocol import JobPreview, TrainingOrder


class AzurePipelines(Publisher):
    """See `targets.protocol.PipelineHost`."""

    def __init__(self, client: AzureClient, submitter: Submitter, wirer: Wirer, runs: AzureRuns) -> None:
        super().__init__(client, submitter, wirer)
        self._runs = runs

    def preview(self, job: JobPreview) -> str:
        """The YAML; nothing is asked of Azure."""
        return preview_yaml(job, self._client.settings, self._submitter.instances)

    def train(self, run_id: str, order: TrainingOrder, progress: Progress) -> str:
        """Submit the job, or attach to it, and wait."""
        return self._runs.run_job(run_id, "training", lambda job: self._wiring(order, job), progress)

    def _wiring(self, order: TrainingOrder, job: str) -> Wiring:
        folders = {"data": self._wirer.data_uri(order.processed.folder), "raw": self._wirer.data_uri(order.raw.folder)}
        if order.champion is not None:
            folders["champion"] = self._wirer.model_uri(order.champion.bundle)
        inputs = {**training_texts(order.params), "context": document_text(order.context)}
        outputs = self._wirer.training_outputs(job) | {
            "evaluated": OutputPlace(self._wirer.place_of_output("evaluate", job).uri),
            "registered": OutputPlace(self._wirer.place_of_output("register", job).uri),
        }
        return Wiring(inputs, folders, outputs, frozenset({"champion"} & folders.keys()))
