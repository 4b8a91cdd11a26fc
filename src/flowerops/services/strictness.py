"""When an evaluation is a failure of the command: what --strict and --assert-accuracy-at-least add to the gate."""

from __future__ import annotations

from typing import Any

from flowerops.domain.params import GatePolicy
from flowerops.errors import GateInconclusiveError, GateRejectedError


def with_floor(policy: GatePolicy, accuracy: float | None) -> GatePolicy:
    """A policy whose floor of the accuracy (0..1) is no lower than what a command asserts."""
    if accuracy is None or accuracy <= policy.min_accuracy:
        return policy
    return policy.model_copy(update={"min_accuracy": accuracy})


def insist(document: dict[str, Any], *, strict: bool, accuracy: float | None = None) -> None:
    """Refuse the result of evaluate or register.

    Args:
        document: Its JSON members, which become the error's details.
        strict: Only a candidate that takes over will do.
        accuracy: What the accuracy must reach at least, 0..1; also of a run that was registered before.

    Raises:
        GateRejectedError: The accuracy is too low, or the gate said no.
        GateInconclusiveError: The gate could not tell.
    """
    reached = _accuracy(document)
    if accuracy is not None and reached is not None and reached < accuracy:
        raise GateRejectedError(
            f"the accuracy is {100 * reached:.1f} %, asserted were at least {100 * accuracy:.1f} %",
            _hint(document),
            document,
        )
    decision = document.get("decision")
    if not strict or not decision:
        return
    first = decision["reasons"][0]
    if decision["outcome"] == "rejected":
        raise GateRejectedError(f"the gate rejected the candidate: {first}", _hint(document), document)
    if decision["outcome"] == "inconclusive":
        raise GateInconclusiveError(f"the gate cannot tell, and --strict is given: {first}", _hint(document), document)


def _accuracy(document: dict[str, Any]) -> float | None:
    found = document.get("metrics", {}).get("accuracy", document.get("tags", {}).get("test_accuracy"))
    return None if found is None else float(found)


def _hint(document: dict[str, Any]) -> str:
    if "model" in document and isinstance(document["model"], dict):
        named = f"{document['model']['name']}:{document['model']['version']}"
        return f"{named} is registered" + (
            " and the champion." if document.get("champion") else "; the champion stays."
        )
    return "See the report: " + document["report"] if "report" in document else "The champion stays."
