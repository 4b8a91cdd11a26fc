"""flowerops verify --lineage: the chain of a model, link by link."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flowerops.cli.console import Console
from flowerops.cli.layout import counted
from flowerops.cli.session import Session

if TYPE_CHECKING:
    from flowerops.domain.names import Selector

_MARKS = {"ok": "✓", "broken": "✗", "missing": "?"}


def verify_models(session: Session, selector: Selector | None) -> None:
    """Check one model, or all; show every link."""
    from flowerops.errors import StoreIntegrityError
    from flowerops.services.verify_lineage import refuse_broken, verify_lineage

    result = verify_lineage(session.target, selector, session.console)
    document = result.model_dump(mode="json")
    document["counts"] = {status: len(result.having(status)) for status in ("ok", "broken", "missing")}
    try:
        refuse_broken(result)
    except StoreIntegrityError as error:
        session.fail(document, error, _show_links)
    session.finish(document, _show)


def _show(console: Console, document: dict[str, Any]) -> None:
    counts, models = document["counts"], len(document["models"])
    behind = f"{counted(document['checked'], 'item')} behind {counted(models, 'model')}"
    console.heading(f"{behind}: {counted(counts['ok'], 'link')} as recorded")
    _show_links(console, document)
    if counts["missing"]:
        console.message(f"{counts['missing']} missing: what is not here any more cannot be checked")


def _show_links(console: Console, document: dict[str, Any]) -> None:
    for link in document["links"]:
        said = "" if link["status"] == "ok" else f"{link['status']}: "
        console.item(f"{_MARKS[link['status']]} {link['source']} {link['relation']} {link['target']}")
        console.item(f"{said}{link['why']}", indent=6)
