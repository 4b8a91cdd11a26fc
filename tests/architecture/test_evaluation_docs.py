"""The page about evaluation does not drift from the program."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

from flowerops.domain.params import GatePolicy
from flowerops.domain.verdict import Evaluation

DOCS = Path(__file__).resolve().parents[2] / "docs"


def test_the_schema_of_an_evaluation_is_the_documented_one() -> None:
    documented = json.loads((DOCS / "evaluation.schema.json").read_text(encoding="utf-8"))
    assert documented == Evaluation.model_json_schema()


def test_every_threshold_of_the_gate_is_in_the_documented_section() -> None:
    text = (DOCS / "evaluation.md").read_text(encoding="utf-8")
    policy = tomllib.loads(text.partition("```toml\n")[2].partition("```")[0])["gate"]
    assert set(policy) == set(GatePolicy.model_fields)
    optional = {"min_recall_of", "max_latency_ms", "max_bundle_mb", "min_macro_f1_gain"}
    shown = GatePolicy.model_validate(policy).model_dump(exclude=optional)
    assert shown == GatePolicy().model_dump(exclude=optional)
