"""flowerops lineage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from flowerops.cli.console import Console
from flowerops.cli.session import Session, with_session

if TYPE_CHECKING:
    from flowerops.domain.lineage import Node
    from flowerops.services.lineage import ModelLineage

_EXAMPLES = """Examples:

  flowerops lineage flower_classifier

  flowerops lineage flower_classifier:2 --json
"""
_SHOWN_FACTS = ("status", "seconds", "accuracy", "champion", "files", "system", "uri", "digest")


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("lineage", epilog=_EXAMPLES)(with_session("lineage")(lineage))


def lineage(
    session: Session,
    model: Annotated[str | None, typer.Argument(help="NAME for the champion, or NAME:VERSION.")] = None,
) -> None:
    """Show which run, steps, data and build made a model."""
    from flowerops.domain.names import parse_selector
    from flowerops.services.lineage import lineage_of

    found = lineage_of(session.target, parse_selector(model or session.settings.model, "model"))
    session.finish(found.document(), lambda console, _: show(console, found))


def show(console: Console, found: ModelLineage) -> None:
    """Render the graph as a tree."""
    for depth, relation, node, again in found.graph.tree(found.root):
        said = "".join(
            ["  " * depth, f"{relation}: " if relation else "", f"{node.kind} {node.name}", _facts(node, again)]
        )
        console.print(said)


def _facts(node: Node, again: bool) -> str:
    if node.missing:
        return "  (missing: not recorded, or not here any more)"
    if again:
        return "  (see above)"
    known = {name: node.facts[name] for name in _SHOWN_FACTS if node.facts.get(name) not in (None, False)}
    parts = [name if value is True else f"{name} {_short(value)}" for name, value in known.items()]
    return f"  ({', '.join(parts)})" if parts else ""


def _short(value: object) -> str:
    text = str(value)
    return text[:12] if len(text) == 64 else text
