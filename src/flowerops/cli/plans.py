"""How `--dry-run` shows the job that would be submitted."""

from __future__ import annotations

from typing import Any

from flowerops.cli.console import Console


def show_pipeline(console: Console, document: dict[str, Any]) -> None:
    """The YAML, if there would be a job."""
    if "pipeline" in document:
        console.print()
        console.print(document["pipeline"], lines=True)
