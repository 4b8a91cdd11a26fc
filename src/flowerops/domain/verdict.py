"""`evaluation.json`: the facts about a candidate and what the gate made of them."""

from __future__ import annotations

from flowerops.domain.bundle import VersionRef
from flowerops.domain.documents import Document
from flowerops.domain.evaluation import Comparison, Metrics
from flowerops.domain.gate import Decision
from flowerops.domain.params import GatePolicy

EVALUATION_FILE = "evaluation.json"
REPORT_FILE = "report.html"
SUMMARY_FILE = "summary.md"


class Evaluation(Document):
    """One bundle scored on one set of photos.

    candidate_digest, champion_digest: of the bundles' seals. dataset: whose test split was used, or data_folder: which
    labelled folder instead. decision: what the gate said under `policy`; None when it was not asked.
    """

    schema_version: int = 1
    candidate_digest: str
    champion_digest: str | None = None
    dataset: VersionRef | None = None
    data_folder: str | None = None
    metrics: Metrics
    champion_metrics: Metrics | None = None
    comparison: Comparison | None = None
    policy: GatePolicy | None = None
    decision: Decision | None = None
    synthetic: bool = False
