"""What a step is told about its surroundings, and what it leaves behind."""

from __future__ import annotations

from typing import Any

from flowerops.domain.build import BuildInfo, CodeInfo
from flowerops.domain.bundle import RunRef, VersionRef
from flowerops.domain.dataset import Provenance
from flowerops.domain.documents import Document

OUTPUT_MANIFEST = "manifest.json"
BUNDLE_DIR = "bundle"
HISTORY_FILE = "history.json"
"""Of the train step: the sealed bundle, and each epoch's metrics."""


class StepContext(Document):
    """Who runs the step and on which numbered versions; recorded in the output, never used for computing."""

    run: RunRef | None = None
    build: BuildInfo
    code: CodeInfo
    raw: VersionRef | None = None
    processed: VersionRef | None = None

    def provenance(self, created: str, environment: dict[str, str]) -> Provenance:
        """The same facts with time and environment added, for a manifest."""
        return Provenance(created=created, run=self.run, build=self.build, code=self.code, environment=environment)


class StepManifest(Document):
    """`manifest.json` of a step's output folder.

    digest: of what was made (a bundle's seal, an evaluation's document). result: the step's facts for its caller.
    """

    schema_version: int = 1
    step: str
    digest: str
    params: dict[str, Any]
    parents: list[VersionRef]
    provenance: Provenance
    result: dict[str, Any]


class Recorded(Document):
    """What a step wants to have recorded in its run: parameters, metrics, and files of its output folder."""

    params: dict[str, Any] = {}
    metrics: dict[str, float] = {}
    files: list[str] = []
