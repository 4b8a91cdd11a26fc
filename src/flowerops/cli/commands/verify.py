"""flowerops verify, and flowerops data verify."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from flowerops.cli.console import Console
from flowerops.cli.session import Session, with_session

if TYPE_CHECKING:
    from flowerops.domain.verification import Verification

_CODES = "Exit codes: 0 all is as it was written, 3 no such version, 5 problems (all of them are listed)."
_DATA_EXAMPLES = f"""Examples:

  flowerops data verify flowers:2

  flowerops data verify --all --json

{_CODES}
"""
_EXAMPLES = f"""Example:

  flowerops verify

{_CODES}
"""
_SHOWN = 20


def add_to(app: typer.Typer) -> None:
    """Add `flowerops verify`."""
    app.command("verify", epilog=_EXAMPLES)(with_session("verify")(verify))


def add_to_data(group: typer.Typer) -> None:
    """Add `flowerops data verify`."""
    group.command("verify", epilog=_DATA_EXAMPLES)(with_session("data verify")(data_verify))


def verify(session: Session) -> None:
    """Compare everything that is stored with what was written: dataset versions, models, ledgers."""
    from flowerops.services.verify import verify_everything

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
        if not session.as_json:
            _show_problems(session.console, document)
            raise
        # The lists stand beside `error`, where they stand when all is well.
        said = {"code": error.code, "message": error.message, "hint": error.hint, "exit_code": error.exit_code}
        session.console.document({"ok": False, **document, "error": said})
        raise typer.Exit(error.exit_code) from error
    session.finish(document, _show)


def _show(console: Console, document: dict[str, Any]) -> None:
    versions, models = len(document["versions"]), len(document["models"])
    console.heading(f"{document['checked']:,} items of {versions} dataset versions and {models} models are as written")
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
