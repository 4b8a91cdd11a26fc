"""The documents of an evaluation: how good a model is, and how it compares with the champion. Free of numpy."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from flowerops.domain.documents import Document

Interval = tuple[float, float]
"""Lower and upper end of a 95 % confidence interval."""


class ClassScores(Document):
    """One class. Shares are 0..1, and 0 where they are undefined (no image of the class, or none predicted).

    support: test images of the class. recall_ci95: Wilson interval of the recall. roc_auc: one against the rest, the
    chance that an image of the class gets a higher probability for it than any other image, 0..1; None where the test
    images are all of the class, or none is.
    """

    precision: float
    recall: float
    f1: float
    support: int
    recall_ci95: Interval
    roc_auc: float | None = None


class SliceScores(Document):
    """The test images that have something besides their class in common.

    by: how large the photo was, the folder it lay in, or the group of --group-by. name: which of them. macro_f1 counts
    the classes that have images here. weak: the whole interval lies below that of all the other images.
    """

    by: Literal["size", "folder", "group"]
    name: str
    n: int
    accuracy: float
    ci95: Interval
    macro_f1: float
    weak: bool


class Cost(Document):
    """What it takes to use a model, measured where it was evaluated.

    latency_ms, latency_p95_ms: milliseconds from a prepared image to its probabilities, one image at a time on one
    thread, over `images` measurements: the median and the 95th percentile. Decoding the file and HTTP come on top.
    bundle_bytes: of all files of the bundle. model_bytes: of the LiteRT model in it, which is what serves.
    """

    latency_ms: float
    latency_p95_ms: float
    images: int
    bundle_bytes: int
    model_bytes: int


class ReliabilityBin(Document):
    """The images whose top probability lies in (lower, upper]: how sure the model was, and how often it was right."""

    lower: float
    upper: float
    count: int
    confidence: float | None
    accuracy: float | None


class Metrics(Document):
    """How a model did on `n` labelled images. All shares are 0..1.

    Averages over classes (balanced_accuracy, macro_f1) count the classes that have images. ci95 is of the accuracy
    (Wilson), macro_f1_ci95 a percentile bootstrap. log_loss in nats. ece: expected calibration error, the mean distance
    between confidence and accuracy. roc_auc: mean over the classes that have one. confusion: counts, a row a true
    class, a column a predicted one, in label order.
    """

    schema_version: int = 1
    n: int
    labels: list[str]
    accuracy: float
    ci95: Interval
    balanced_accuracy: float
    macro_f1: float
    macro_f1_ci95: Interval
    weighted_f1: float
    top2_accuracy: float
    top3_accuracy: float
    log_loss: float
    ece: float
    roc_auc: float | None = None
    per_class: dict[str, ClassScores]
    confusion: list[list[int]]
    reliability: list[ReliabilityBin]

    def summary(self) -> dict[str, float]:
        """The single numbers, for logs and for a bundle's `metrics`."""
        names = ("accuracy", "balanced_accuracy", "macro_f1", "weighted_f1", "top2_accuracy", "top3_accuracy")
        known = {name: getattr(self, name) for name in (*names, "log_loss", "ece", "roc_auc")}
        return {name: value for name, value in known.items() if value is not None}


class ClassComparison(Document):
    """Both models on the images of one class: recalls (0..1), and the images that only one of them has right."""

    support: int
    candidate_recall: float
    champion_recall: float
    only_candidate: int
    only_champion: int


class Comparison(Document):
    """Candidate and champion on the same `n` images.

    Each answers as it would in use, with all the classes it knows. Only images whose true class both know are counted;
    `excluded` says how many others there were. difference: candidate's accuracy less the champion's, -1..1, with a
    paired-bootstrap interval; macro_f1_difference likewise. mcnemar_p: exact, two-sided. bootstrap_p: two-sided, of the
    paired bootstrap with infinitely many draws. The four counts add up to n. Older documents lack
    the members that may be None.
    """

    schema_version: int = 1
    n: int = Field(ge=0)
    labels: list[str]
    candidate_only_labels: list[str] = []
    champion_only_labels: list[str] = []
    excluded: int = 0
    candidate_accuracy: float
    champion_accuracy: float
    difference: float
    ci95: Interval
    mcnemar_p: float
    bootstrap_p: float | None = None
    candidate_macro_f1: float | None = None
    champion_macro_f1: float | None = None
    macro_f1_difference: float | None = None
    macro_f1_ci95: Interval | None = None
    both_right: int
    only_candidate: int
    only_champion: int
    both_wrong: int
    per_class: dict[str, ClassComparison]
