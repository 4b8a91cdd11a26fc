"""flowerops models diff."""

from __future__ import annotations

import re
from typing import Annotated, Any

import typer

from flowerops.cli.console import Console
from flowerops.cli.layout import minute
from flowerops.cli.session import Session, with_session

_EXAMPLES = """Examples:

  flowerops models diff flower_classifier:1 flower_classifier:2

  flowerops models diff flower_classifier:2 flower_classifier --json

Exit codes: 0 compared, 2 malformed name, 3 no such version, 5 a bundle is damaged.
"""
_LONG_ID = re.compile("[0-9a-f]{32,64}")
_SHORT_ID = 12
_TIME = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+\+00:00")


def add_to(group: typer.Typer) -> None:
    """Add the command to the group `models`."""
    group.command("diff", epilog=_EXAMPLES)(with_session("models diff")(diff))


def diff(
    session: Session,
    before: Annotated[str, typer.Argument(help="The older version: NAME:VERSION, or NAME for the champion.")],
    after: Annotated[str, typer.Argument(help="The newer version: NAME:VERSION, or NAME for the champion.")],
) -> None:
    """Say in what two versions differ: metrics, classes, data, parameters, code, build and size."""
    from flowerops.domain.names import parse_selector
    from flowerops.services.model_diff import diff_models

    older, newer = (parse_selector(text, "model") for text in (before, after))
    session.finish(diff_models(session.target, older, newer), _show)


def _show(console: Console, document: dict[str, Any]) -> None:
    names = [f"{document[side]['name']}:{document[side]['version']}" for side in ("before", "after")]
    same = ": the same bundle" if document["same_bundle"] else ""
    console.heading(f"from {names[0]} to {names[1]}{same}", mark="→")
    rows = [*_metric_rows(document), *_class_rows(document), *_data_rows(document), *_other_rows(document)]
    same_name = document["before"]["name"] == document["after"]["name"]
    columns = [f"version {document[side]['version']}" for side in ("before", "after")] if same_name else names
    console.table(("", *columns, "change"), rows, "They differ in nothing that is recorded.")
    for kind, data in document["data"].items():
        if data["changes"]:
            console.message(f"{kind} photos: {_counts(data['changes'])}")


def _metric_rows(document: dict[str, Any]) -> list[tuple[str, ...]]:
    rows = [
        (name, _decimal(one["before"]), _decimal(one["after"]), _decimal(one["change"], signed=True))
        for name, one in document["metrics"].items()
    ]
    size = document["size"].items()
    return rows + [
        (f"{name} MB", *(_decimal(_mega(one[side]), signed=side == "change") for side in ("before", "after", "change")))
        for name, one in size
    ]


def _class_rows(document: dict[str, Any]) -> list[tuple[str, ...]]:
    classes = document["classes"]
    counts = [str(len(classes["kept"]) + len(classes[side])) for side in ("removed", "added")]
    changes = [f"+{label}" for label in classes["added"]] + [f"-{label}" for label in classes["removed"]]
    return [("classes", *counts, ", ".join(changes) or "none")]


def _data_rows(document: dict[str, Any]) -> list[tuple[str, ...]]:
    return [
        (f"{kind} data", data["before"] or "-", data["after"] or "-", "the same" if data["same"] else "another")
        for kind, data in document["data"].items()
    ]


def _other_rows(document: dict[str, Any]) -> list[tuple[str, ...]]:
    return [
        (name, *("-" if value is None else _short(str(value)) for value in pair), "")
        for section in ("params", "network", "origin", "environment")
        for name, pair in document[section].items()
    ]


def _short(text: str) -> str:
    """The beginning of an id or a digest, the minute of a time, and anything else as it is."""
    if _TIME.fullmatch(text):
        return f"{minute(text)} UTC"
    return text[:_SHORT_ID] if _LONG_ID.fullmatch(text) else text


def _decimal(value: float | None, *, signed: bool = False) -> str:
    if value is None:
        return "-"
    return f"{value:+.4g}" if signed else f"{value:.4g}"


def _mega(count: float | None) -> float | None:
    return None if count is None else round(count / 1e6, 3)


def _counts(changes: dict[str, Any]) -> str:
    counted = [f"{count:,} {name}" for name, count in changes.items() if isinstance(count, int) and count]
    lists = {name: value for name, value in changes.items() if isinstance(value, list) and value}
    classes = [f"{name.replace('_', ' ')}: {', '.join(labels)}" for name, labels in lists.items()]
    return "; ".join([", ".join(counted), *classes])
