"""What every target offers to the services, in the words of the domain; no SDK's type crosses this line."""

from __future__ import annotations

from flowerops.targets.protocol.datasets import DatasetEntry, DatasetStore, DatasetVersion
from flowerops.targets.protocol.endpoints import (
    AS_BEFORE,
    PLAIN,
    Access,
    EndpointHost,
    Machines,
    Probe,
    RequestCounter,
    StartOptions,
)
from flowerops.targets.protocol.models import ARCHIVED_TAG, DIGEST_TAG, ModelRegistry, ModelVersion
from flowerops.targets.protocol.pipelines import (
    JobPreview,
    PipelineHost,
    PublishedPipeline,
    Retraining,
    Schedule,
    TrainingOrder,
    TrainingParams,
)
from flowerops.targets.protocol.runs import Checkpointing, LogLine, Run, RunStore, StepOutput, StepRequest
from flowerops.targets.protocol.storage import Garbage, Storage
from flowerops.targets.protocol.target import Target

__all__ = [
    "ARCHIVED_TAG",
    "AS_BEFORE",
    "DIGEST_TAG",
    "PLAIN",
    "Access",
    "Checkpointing",
    "DatasetEntry",
    "DatasetStore",
    "DatasetVersion",
    "EndpointHost",
    "Garbage",
    "JobPreview",
    "LogLine",
    "Machines",
    "ModelRegistry",
    "ModelVersion",
    "PipelineHost",
    "Probe",
    "PublishedPipeline",
    "RequestCounter",
    "Retraining",
    "Run",
    "RunStore",
    "Schedule",
    "StartOptions",
    "StepOutput",
    "StepRequest",
    "Storage",
    "Target",
    "TrainingOrder",
    "TrainingParams",
]
