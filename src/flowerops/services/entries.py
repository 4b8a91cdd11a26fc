"""Which dataset version a person means, whether or not its files are whole."""

from __future__ import annotations

from flowerops.domain.names import Selector, did_you_mean
from flowerops.errors import BadInputError
from flowerops.targets.protocol import DatasetEntry, Target


def find_entry(target: Target, selector: Selector) -> DatasetEntry:
    """The number that was handed out to a version, the latest without a number; nothing of it is opened.

    Raises:
        BadInputError: There is none; the hint has the nearest name or the numbers there are.
    """
    known = target.datasets.entries(selector.name)
    for entry in known:
        if selector.version in (None, entry.version):
            return entry
    if known:
        numbers = ", ".join(str(entry.version) for entry in reversed(known))
        raise BadInputError(f"dataset {selector.name!r} has no version {selector.version}", f"There is {numbers}.")
    names = {entry.name for entry in target.datasets.entries()}
    hint = did_you_mean(selector.name, names) if names else "Make one with: flowerops preprocess --data-folder DIR"
    raise BadInputError(f"there is no dataset {selector.name!r}", hint)
