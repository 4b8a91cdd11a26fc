"""What to tell somebody who names a dataset or a model that there is not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Literal

from flowerops.domain.names import Selector, did_you_mean
from flowerops.errors import BadInputError

Kind = Literal["dataset", "model"]
_FIRST: dict[Kind, str] = {
    "dataset": "Make one with: flowerops preprocess --data-folder DIR",
    "model": "Register one with: flowerops register",
}


def not_found(
    kind: Kind, selector: Selector, numbers: Sequence[int], names: Callable[[], Iterable[str]], gone: str = ""
) -> BadInputError:
    """The error for a name that nobody has, or for a number that none of its versions has; the hint has the nearest.

    Args:
        kind: Of what.
        selector: What was asked for.
        numbers: The versions of that name.
        names: Asked for all names there are, where nobody has that one.
        gone: What became of the version, in words that follow "has no version 3".
    """
    if numbers:
        shown = ", ".join(map(str, sorted(numbers)))
        hint = f"There {'is' if len(numbers) == 1 else 'are'} {shown}."
        return BadInputError(f"{kind} {selector.name!r} has no version {selector.version}{gone}", hint)
    known = set(names())
    hint = did_you_mean(selector.name, known) if known else _FIRST[kind]
    return BadInputError(f"there is no {kind} {selector.name!r}", hint)
