"""flowerops verify, and flowerops data verify."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from flowerops.cli.commands import lineage_view
from flowerops.cli.console import Console
from flowerops.cli.layout import counted
from flowerops.cli.session import Session, with_session

if TYPE_CHECKING:
    from flowerops.domain.verification import Verification

_CODES = "Exit codes: 0 all is as it was written, 3 no such version, 5 problems (all of them are listed)."
_DATA_EXAMPLES = f"""Examples:

  flowerops data verify flowers:2

  flowerops data verify --all --json

{_CODES}
"""
_EXAMPLES = f"""Examples:

  flowerops verify

  flowerops verify --lineage flower_classifier:2

  flowerops verify --lineage --json

With --lineage the digests along the chain are computed again: model bundle, the output of its steps, processed version,
raw version, photos. A link that is not here any more is shown as missing; that is no failure.

{_CODES}
"""
_SHOWN = 20


def add_to(app: typer.Typer) -> None:
    """Add `flowerops verify`."""
    app.command("verify", epilog=_EXAMPLES)(with_session("verify")(verify))


def add_to_data(group: typer.Typer) -> None:
    """Add `flowerops data verify`."""
    group.command("verify", epilog=_DATA_EXAMPLES)(with_session("data verify")(data_verify))


def verify(
    session: Session,
    model: Annotated[
        str | None,
        typer.Argument(
            help="With --lineage: NAME for the champion, or NAME:VERSION. Default: all.", show_default=False
        ),
    ] = None,
    lineage: Annotated[
        bool, typer.Option("--lineage", help="Follow models back to their photos, and check every link.")
    ] = False,
) -> None:
    """Compare everything that is stored with what was written: dataset versions, models, ledgers."""
    from flowerops.domain.names import parse_selector
    from flowerops.errors import UsageError
    from flowerops.services.verify import verify_everything

    if lineage:
        lineage_view.verify_models(session, parse_selector(model, "model") if model else None)
        return
    if model is not None:
        raise UsageError("a model is verified by its lineage", f"Run: flowerops verify --lineage {model}")
    _finish(session, verify_everything(session.target, session.console))


def data_verify(
    session: Session,
    name: Annotated[
        str | None, typer.Argument(help="NAME for the latest version, or NAME:VERSION. Default: every version.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Every version, of NAME when it is given.")] = False,
) -> None:
    """Compare dataset versions with what was written: rows, every photo, every image's pixels, no file more or less."""
    from flowerops.domain.names import parse_selector
    from flowerops.services.verify import verify_datasets

    selector = parse_selector(name, "dataset") if name else None
    _finish(session, verify_datasets(session.target, selector, every, session.console))


def _finish(session: Session, result: Verification) -> None:
    from flowerops.errors import StoreIntegrityError
    from flowerops.services.verify import refuse_problems

    document = result.model_dump(mode="json")
    try:
        refuse_problems(result)
    except StoreIntegrityError as error:
        session.fail(document, error, _show_problems)
    session.finish(document, _show)


def _show(console: Console, document: dict[str, Any]) -> None:
    versions, models = len(document["versions"]), len(document["models"])
    if not document["checked"]:
        console.heading("nothing is stored yet")
    else:
        of = f"{counted(versions, 'dataset version')} and {counted(models, 'model')}"
        console.heading(f"all as written: {counted(document['checked'], 'item')} of {of}")
    _show_leftovers(console, document)


def _show_problems(console: Console, document: dict[str, Any]) -> None:
    for problem in document["problems"][:_SHOWN]:
        console.print(f"  {problem['path']}")
        console.print(f"    {problem['of']}: expected {problem['expected']}, got {problem['got']}")
    left = len(document["problems"]) - _SHOWN
    if left > 0:
        console.print(f"  … and {left:,} more; --json lists all")
    _show_leftovers(console, document)


def _show_leftovers(console: Console, document: dict[str, Any]) -> None:
    if document["leftovers"]:
        console.print(f"  {len(document['leftovers'])} leftovers of killed processes; flowerops gc removes them")
