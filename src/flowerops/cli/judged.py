"""End a command with a result that options may refuse: people see what was found, then why it is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flowerops.cli.console import Console
from flowerops.cli.session import Session
from flowerops.errors import FlowerOpsError


def finish_judged(
    session: Session,
    document: dict[str, Any],
    show: Callable[[Console, dict[str, Any]], None],
    *,
    strict: bool,
    accuracy: float | None,
) -> None:
    """Show a result, and refuse it where --strict or --assert-accuracy-at-least (0..1) say so.

    Raises:
        GateRejectedError, GateInconclusiveError: See `services.strictness.insist`. In JSON the result is in the error.
    """
    from flowerops.services.strictness import insist

    try:
        insist(document, strict=strict, accuracy=accuracy)
    except FlowerOpsError:
        if not session.as_json:
            show(session.console, document)
        raise
    session.finish(document, show)
