"""flowerops lineage."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flowerops.cli.console import Console
from flowerops.cli.layout import short_path
from flowerops.cli.session import Session, with_session

if TYPE_CHECKING:
    from flowerops.domain.lineage import Lineage, Node
    from flowerops.services.lineage import ModelLineage
    from flowerops.services.reach import Reach

_EXAMPLES = """Examples:

  flowerops lineage flower_classifier

  flowerops lineage flower_classifier:2 --json

  flowerops lineage --html lineage.html

  flowerops lineage --dataset flowers:1

  flowerops lineage --build 4711 --mermaid

  flowerops lineage --image photos/roses/12.jpg

--openlineage prints one OpenLineage event a line, for a data catalog.
"""
_SHOWN_FACTS = ("status", "seconds", "accuracy", "champion", "files", "system", "uri", "digest")
_BACKWARDS = "Backwards: which models did it reach?"
_FORMS = "Other forms"


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("lineage", epilog=_EXAMPLES)(with_session("lineage")(lineage))


def lineage(
    session: Session,
    model: Annotated[str | None, typer.Argument(help="NAME for the champion, or NAME:VERSION.")] = None,
    dataset: Annotated[
        str | None,
        typer.Option(help="A dataset version, as NAME:VERSION.", show_default=False, rich_help_panel=_BACKWARDS),
    ] = None,
    build: Annotated[
        str | None, typer.Option(help="A build, by its id.", show_default=False, rich_help_panel=_BACKWARDS)
    ] = None,
    image: Annotated[
        str | None,
        typer.Option(
            help="A photo: its file, or its SHA-256 (8 digits are enough).",
            show_default=False,
            rich_help_panel=_BACKWARDS,
        ),
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option(help="Write the graph as a page to this file.", show_default=False, rich_help_panel=_FORMS),
    ] = None,
    mermaid: Annotated[bool, typer.Option("--mermaid", help="Print Mermaid.", rich_help_panel=_FORMS)] = False,
    openlineage: Annotated[
        bool, typer.Option("--openlineage", help="Print OpenLineage events.", rich_help_panel=_FORMS)
    ] = False,
) -> None:
    """Show which run, steps, data and build made a model; or which models came of some data or of a build."""
    from flowerops.errors import UsageError

    if sum(given is not None for given in (model, dataset, build, image)) > 1:
        raise UsageError("a model, --dataset, --build and --image exclude each other", "Give one of them.")
    if sum((html is not None, mermaid, openlineage, session.as_json)) > 1:
        raise UsageError("--html, --mermaid, --openlineage and --json exclude each other", "Give one of them.")
    backwards = _reach(session, dataset, build, image)
    if backwards is not None:
        document, graph, title = backwards.document(), backwards.graph, _title(backwards.asked)
    else:
        found = _model(session, model)
        document, graph, title = found.document(), found.graph, f"{found.model.name}:{found.model.version}"
    if mermaid:
        from flowerops.domain.mermaid import mermaid as as_mermaid

        session.console.print(as_mermaid(graph).rstrip("\n"), lines=True)
    elif openlineage:
        _print_events(session, graph)
    elif html is not None:
        _write_page(session, html, graph, title)
    elif backwards is not None:
        reach = backwards
        session.finish(document, lambda console, _: _show_reach(console, reach, title))
    else:
        session.finish(document, lambda console, _: show(console, found))


def _model(session: Session, name: str | None) -> ModelLineage:
    from flowerops.domain.names import parse_selector
    from flowerops.services.lineage import lineage_of

    return lineage_of(session.target, parse_selector(name or session.settings.model, "model"))


def _reach(session: Session, dataset: str | None, build: str | None, image: str | None) -> Reach | None:
    from flowerops.domain.names import parse_selector
    from flowerops.io.hashing import sha256_file
    from flowerops.services import reach

    if dataset is not None:
        return reach.of_dataset(session.target, parse_selector(dataset, "dataset"))
    if build is not None:
        return reach.of_build(session.target, build)
    if image is not None:
        file = Path(image)
        return reach.of_image(session.target, sha256_file(file) if file.is_file() else image)
    return None


def show(console: Console, found: ModelLineage) -> None:
    """Render the graph as a tree."""
    for depth, relation, node, again in found.graph.tree(found.root):
        said = "".join(
            ["  " * depth, f"{relation}: " if relation else "", f"{node.kind} {node.name}", _facts(node, again)]
        )
        console.print(said)


def _show_reach(console: Console, found: Reach, title: str) -> None:
    document = found.document()
    models = document["models"]
    console.heading(f"{title} reached {len(models)} model{'s' * (len(models) != 1)}", mark="✓" if not models else "→")
    for one in models:
        images = ", ".join(f"{count} in {split}" for split, count in one["images"].items())
        parts = ["champion"] * one["champion"] + [one["how"]] + [images] * bool(images)
        parts += [f"serving at {endpoint}" for endpoint in one["endpoints"]]
        console.item(f"{one['name']}:{one['version']}  {'; '.join(parts)}")
    for version, paths in found.asked.get("paths", {}).items():
        console.item(f"in {version}: {', '.join(paths)}")
    if found.unknown:
        console.item(f"cannot be said of {', '.join(found.unknown)}: their data is not here any more")


def _title(asked: dict[str, Any]) -> str:
    if "dataset" in asked:
        return f"dataset {asked['dataset']['name']}:{asked['dataset']['version']}"
    if "build" in asked:
        return f"build {asked['build']}"
    return f"photo {asked['image'][:12]}"


def _print_events(session: Session, graph: Lineage) -> None:
    from flowerops import __version__
    from flowerops.domain.openlineage import openlineage

    for event in openlineage(graph, f"urn:flowerops:{__version__}"):
        session.console.print(json.dumps(event, ensure_ascii=False, separators=(",", ":")))


def _write_page(session: Session, file: Path, graph: Lineage, title: str) -> None:
    from flowerops.io.atomic import atomic_write
    from flowerops.reports.lineage import render_lineage

    count = len(graph.nodes())
    subtitle = f"{count} things and {len(graph.edges())} relations; from left to right, what each was made by and of"
    atomic_write(file, render_lineage(graph, title, subtitle))
    session.console.message(f"page: {short_path(file)}")


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
    return text[:12] if len(text) == 64 else text.lower() if text.isupper() else text
