"""flowerops data diff."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from flowerops.cli.console import Console
from flowerops.cli.session import Session, with_session

_EXAMPLES = """Examples:

  flowerops data diff flowers:1 flowers:2

  flowerops data diff flowers:1 flowers --json

Exit codes: 0 compared, 2 malformed name, 3 no such version, 5 a version is damaged.
"""
_SHOWN = 10


def add_to(group: typer.Typer) -> None:
    """Add the command to the group `data`."""
    group.command("diff", epilog=_EXAMPLES)(with_session("data diff")(diff))


def diff(
    session: Session,
    before: Annotated[str, typer.Argument(help="The older version: NAME:VERSION.")],
    after: Annotated[str, typer.Argument(help="The newer version: NAME:VERSION, or NAME for the latest.")],
) -> None:
    """Say which photos and classes were added, removed, relabelled or moved between two versions."""
    from flowerops.domain.names import parse_selector
    from flowerops.services.compare import compare

    older, newer = (parse_selector(text, "dataset") for text in (before, after))
    session.finish(compare(session.target, older, newer).document(), _show)


def _show(console: Console, document: dict[str, Any]) -> None:
    names = [f"{document[side]['name']}:{document[side]['version']}" for side in ("before", "after")]
    console.heading(f"from {names[0]} to {names[1]}", mark="→")
    counts = document["counts"]
    facts = {name: f"{count:,}" for name, count in counts.items() if count or name in ("added", "removed", "unchanged")}
    for name in ("classes_added", "classes_removed"):
        if document[name]:
            facts[name.replace("_", " ")] = ", ".join(document[name])
    console.facts(facts)
    for mark, name in (("+", "added"), ("-", "removed")):
        console.items([f"{mark} {path}" for path in document[name]], _SHOWN)
    for name in ("relabelled", "moved"):
        console.items([f"{name}: {pair['before']} → {pair['after']}" for pair in document[name]], _SHOWN)
