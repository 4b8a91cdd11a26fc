"""Runs, for people."""

from __future__ import annotations

from typing import Any

from flowerops.cli.console import Console
from flowerops.cli.layout import minute

_ABANDONED = "abandoned"


def show_list(console: Console, document: dict[str, Any]) -> None:
    """A line a run."""
    rows = [
        (
            item["id"],
            item["experiment"],
            item["run_type"] or item["name"],
            _status(item) + _where(item),
            minute(item["started"]),
            _seconds(item),
        )
        for item in document["items"]
    ]
    columns = ("run", "experiment", "kind", "status", "started (UTC)", "seconds")
    console.table(columns, rows, "There is no run yet. Make one with: flowerops run --data-folder DIR")


def show_one(console: Console, document: dict[str, Any]) -> None:
    """A run, then each of its steps."""
    console.heading(f"run {document['id']}, {_status(document)}", mark="•")
    console.facts(
        {
            "experiment": document["experiment"],
            "kind": document["run_type"] or document["name"],
            "started": document["started"],
            "seconds": _seconds(document),
            **_recorded(document),
            **{name: value or "-" for name, value in document["tags"].items()},
        }
    )
    for step in document["steps"]:
        console.print()
        console.heading(f"{step['name']}, {_status(step)}", mark="•")
        console.facts({"id": step["id"], "started": step["started"], "seconds": _seconds(step), **_recorded(step)})


def _recorded(document: dict[str, Any]) -> dict[str, str]:
    metrics = {name: f"{value:g}" for name, value in sorted(document["metrics"].items())}
    return {**dict(sorted(document["params"].items())), **metrics}


def _status(document: dict[str, Any]) -> str:
    status = str(document["status"]).lower()
    return f"{status} ({_ABANDONED})" if document["abandoned"] else status


def _where(item: dict[str, Any]) -> str:
    """The step that runs or went wrong."""
    there = [step["name"] for step in item["steps"] if step["status"] == item["status"] != "FINISHED"]
    return f" in {there[-1]}" if there else ""


def _seconds(document: dict[str, Any]) -> str:
    return f"{document['seconds']:,.1f}" if document["seconds"] is not None else "-"
