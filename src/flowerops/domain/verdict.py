"""`evaluation.json`: the facts about a candidate and what the gate made of them."""

from __future__ import annotations

from flowerops.domain.bundle import VersionRef
from flowerops.domain.documents import Document
from flowerops.domain.evaluation import Comparison, Cost, Metrics, SliceScores
from flowerops.domain.gate import Decision
from flowerops.domain.params import GatePolicy

EVALUATION_FILE = "evaluation.json"
REPORT_FILE = "report.html"
SUMMARY_FILE = "summary.md"
PREDICTIONS_FILE = "predictions.csv"


class Evaluation(Document):
    """One bundle scored on one set of photos.

    candidate_digest, champion_digest: of the bundles' seals. dataset: whose test split was used, or data_folder: which
    labelled folder instead. slices: scores of parts of the images. cost: latency and size of the candidate.
    decision: what the gate said under `policy`; None when it was not asked.

    schema_version 2 has slices, cost, areas under ROC curves and the comparison of macro-F1, which 1 lacks.
    """

    schema_version: int = 2
    candidate_digest: str
    champion_digest: str | None = None
    dataset: VersionRef | None = None
    data_folder: str | None = None
    metrics: Metrics
    champion_metrics: Metrics | None = None
    comparison: Comparison | None = None
    slices: list[SliceScores] = []
    cost: Cost | None = None
    policy: GatePolicy | None = None
    decision: Decision | None = None
    synthetic: bool = False
