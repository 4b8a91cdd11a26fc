"""Packages that pip installs together and that do not go together."""

from __future__ import annotations

import pytest

from flowerops.domain.version_traps import version_traps

GOOD = {"tensorflow-cpu": "2.21.0", "mlflow": "3.15.0", "mlflow-skinny": "3.15.0", "azure-ai-ml": "1.35.2"}


def test_what_goes_together_is_no_finding() -> None:
    assert version_traps(GOOD, {}) == []


@pytest.mark.parametrize(
    ("more", "env", "said", "verdict"),
    [
        ({"tensorflow": "2.21.0"}, {}, "one overwrote the other", "problem"),
        ({"azureml-inference-server-http": "1.5.1"}, {}, "pins older pydantic", "problem"),
        ({"mlflow-skinny": "3.17.0"}, {}, "differ", "problem"),
        ({}, {"PYTHONDONTWRITEBYTECODE": "1"}, "TensorFlow loads in twice the time", "note"),
    ],
)
def test_a_trap_is_told_with_the_way_out(more: dict[str, str], env: dict[str, str], said: str, verdict: str) -> None:
    (found,) = version_traps({**GOOD, **more}, env)
    assert said in found.finding.found
    assert found.finding.verdict == verdict
    assert found.finding.to_do
