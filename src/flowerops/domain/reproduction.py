"""Whether a model that was trained again is the same one, and what differed where it is not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from flowerops.domain.build import CodeInfo
from flowerops.domain.bundle import BUNDLE_FILE, MODEL_CARD_FILE, BundleInfo, GoldenSet
from flowerops.domain.documents import Document, digest_of

Verdict = Literal["identical", "equal", "different"]
TOLERANCE = 0.01
"""Largest difference of a probability, and of the accuracy, of models that count as equal."""

_ABOUT_THE_MAKING = {BUNDLE_FILE, MODEL_CARD_FILE}
_WORDS = {"packages_digest": "set of installed packages", "cpu": "processor", "python": "Python"}


class Cause(Document):
    """Something that was not the same when the model was trained again. then, now: None for what there was not."""

    what: str
    then: str | None
    now: str | None


class GoldenComparison(Document):
    """The recorded answers to golden images that both bundles have; None where they share none."""

    images: int
    max_difference: float | None


class TestComparison(Document):
    """Both models on one test split.

    max_difference: of a probability. changed: images that got another label. accuracies: 0..1, then and now.
    """

    __test__ = False  # not a test, whatever pytest thinks of the name

    images: int
    max_difference: float
    changed: int
    accuracy_then: float
    accuracy_now: float


class Reproduction(Document):
    """What training a model again showed. causes: in no order of weight; also where the models are the same."""

    verdict: Verdict
    model_digest_then: str
    model_digest_now: str
    golden: GoldenComparison
    test: TestComparison | None
    tolerance: float
    causes: list[Cause]


def digest_of_model(info: BundleInfo, files: Mapping[str, str]) -> str:
    """SHA-256 over what a model is, and not over who made it and when.

    Two bundles with the same one have the same weights, bit for bit, in the same files, and the same labels, geometry
    and golden probabilities.

    Args:
        info: The bundle's facts.
        files: SHA-256 of its files by path, as its seal says.
    """
    kept = {name: digest for name, digest in files.items() if name not in _ABOUT_THE_MAKING}
    facts = {"labels": info.labels, "geometry": info.geometry.model_dump(), "decoder_version": info.decoder_version}
    return digest_of({"files": kept, **facts})


def compare_golden(then: GoldenSet, now: GoldenSet) -> GoldenComparison:
    """Compare the answers to the images that both have, told apart by their SHA-256."""
    recorded = {image.sha256: image.probabilities for image in then.images}
    pairs = [(recorded[image.sha256], image.probabilities) for image in now.images if image.sha256 in recorded]
    differences = [
        abs(one - other) if len(old) == len(new) else 1.0
        for old, new in pairs
        for one, other in zip(old, new, strict=False)
    ]
    return GoldenComparison(images=len(pairs), max_difference=max(differences, default=None))


def judge(
    digests: tuple[str, str],
    golden: GoldenComparison,
    test: TestComparison | None,
    causes: list[Cause],
    tolerance: float = TOLERANCE,
) -> Reproduction:
    """Say what the comparison comes to.

    Identical: the model digests are the same. Equal: no probability, of a golden image or of the test split, differs by
    more than the tolerance, nor does the accuracy. Different: anything else, also when nothing could be compared.
    """
    gaps = [] if golden.max_difference is None else [golden.max_difference]
    if test is not None:
        gaps += [test.max_difference, abs(test.accuracy_now - test.accuracy_then)]
    within = bool(gaps) and all(gap <= tolerance for gap in gaps)  # False for a NaN
    verdict: Verdict = "identical" if digests[0] == digests[1] else "equal" if within else "different"
    return Reproduction(
        verdict=verdict,
        model_digest_then=digests[0],
        model_digest_now=digests[1],
        golden=golden,
        test=test,
        tolerance=tolerance,
        causes=causes,
    )


def differences(then: BundleInfo, now: BundleInfo, code: tuple[CodeInfo, CodeInfo]) -> list[Cause]:
    """Everything that decides about a training and was not the same: software, machine, code, data, parameters.

    Args:
        then: What the bundle says about itself.
        now: What the other one says.
        code: The sources of both, which deterministic bundles leave out.
    """
    return [
        *differing(then.environment, now.environment),
        *differing(_code(code[0]), _code(code[1])),
        *differing(_inputs(then), _inputs(now)),
        *differing(then.params, now.params),
    ]


def differing(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[Cause]:
    """The members of two records that are not the same."""
    names = [*then, *(name for name in now if name not in then)]
    return [
        Cause(what=_WORDS.get(name, name), then=_text(then.get(name)), now=_text(now.get(name)))
        for name in names
        if _text(then.get(name)) != _text(now.get(name))
    ]


def _code(code: CodeInfo) -> dict[str, Any]:
    return {"git commit": code.commit, "uncommitted changes": code.diff_digest}


def _inputs(info: BundleInfo) -> dict[str, Any]:
    return {
        "processed data": info.processed.digest,
        "labels": info.labels,
        "geometry": info.geometry.model_dump(),
        "image decoder": info.decoder_version,
        "backbone": info.backbone.name,
        "backbone's weights": info.backbone.weights_sha256,
    }


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
