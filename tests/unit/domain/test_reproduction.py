"""When two models are the same, and what is said where they are not."""

from __future__ import annotations

import math

import pytest

from flowerops.domain.build import CodeInfo
from flowerops.domain.bundle import GoldenImage, GoldenSet
from flowerops.domain.reproduction import (
    GoldenComparison,
    TestComparison,
    compare_golden,
    differences,
    differing,
    digest_of_model,
    judge,
)
from helpers.tiny_bundle import bundle_info

INFO = bundle_info(("daisy", "roses"), 32)
FILES = {"model.keras": "1" * 64, "model.tflite": "2" * 64, "bundle.json": "3" * 64, "MODEL_CARD.md": "4" * 64}
SAME_CODE = (CodeInfo(), CodeInfo())


def golden(**answers: list[float]) -> GoldenSet:
    return GoldenSet(
        images=[
            GoldenImage(file=f"{name}.jpg", label="daisy", sha256=name, probabilities=p) for name, p in answers.items()
        ]
    )


def on_test(difference: float = 0.0, accuracy: float = 0.9) -> TestComparison:
    return TestComparison(images=10, max_difference=difference, changed=0, accuracy_then=0.9, accuracy_now=accuracy)


def test_the_model_digest_is_of_the_model_and_not_of_its_making() -> None:
    digest = digest_of_model(INFO, FILES)
    assert digest == digest_of_model(
        INFO.model_copy(update={"created": None, "run": None}), FILES | {"bundle.json": "5"}
    )
    assert digest == digest_of_model(INFO, FILES | {"MODEL_CARD.md": "another"})
    assert digest != digest_of_model(INFO, FILES | {"model.keras": "another"})
    assert digest != digest_of_model(INFO, FILES | {"model.int8.tflite": "one more"})
    assert digest != digest_of_model(INFO.model_copy(update={"labels": ["roses", "daisy"]}), FILES)


@pytest.mark.parametrize(
    ("digests", "far", "test", "verdict"),
    [
        (("a", "a"), 0.0, on_test(), "identical"),
        (("a", "b"), 0.0, on_test(), "equal"),
        (("a", "b"), 0.01, on_test(0.01), "equal"),
        (("a", "b"), 0.011, on_test(), "different"),
        (("a", "b"), 0.0, on_test(0.02), "different"),
        (("a", "b"), 0.0, on_test(0.0, 0.8), "different"),
        (("a", "b"), math.nan, on_test(), "different"),
        (("a", "b"), 0.005, None, "equal"),
        (("a", "b"), None, None, "different"),
    ],
)
def test_the_verdict(digests: tuple[str, str], far: float | None, test: TestComparison | None, verdict: str) -> None:
    assert judge(digests, GoldenComparison(images=3, max_difference=far), test, [], 0.01).verdict == verdict


def test_golden_images_are_compared_by_their_content() -> None:
    then, now = golden(a=[0.9, 0.1], b=[0.5, 0.5]), golden(b=[0.4, 0.6], c=[1.0, 0.0])
    found = compare_golden(then, now)
    assert found.images == 1
    assert found.max_difference == pytest.approx(0.1)
    assert compare_golden(then, golden(c=[1.0, 0.0])).max_difference is None
    assert compare_golden(golden(a=[1.0]), golden(a=[0.5, 0.5])).max_difference == 1.0


def test_causes_name_what_was_not_the_same() -> None:
    then = INFO.model_copy(
        update={"environment": {"keras": "3.1", "cpu": "one", "python": "3.11"}, "params": {"seed": 1}}
    )
    now = INFO.model_copy(
        update={"environment": {"keras": "3.2", "python": "3.11", "cpu": "two"}, "params": {"seed": 2}}
    )
    causes = differences(then, now, (CodeInfo(commit="abc"), CodeInfo(commit="def")))
    assert [(one.what, one.then, one.now) for one in causes] == [
        ("keras", "3.1", "3.2"),
        ("processor", "one", "two"),
        ("git commit", "abc", "def"),
        ("seed", "1", "2"),
    ]
    assert differences(then, then, SAME_CODE) == []


def test_what_only_one_side_has_differs() -> None:
    assert [(one.what, one.then, one.now) for one in differing({"a": 1}, {"b": ["x", "y"]})] == [
        ("a", "1", None),
        ("b", None, "x, y"),
    ]
    assert differing({"augment": ("flip", "crop")}, {"augment": ["flip", "crop"]}) == []
