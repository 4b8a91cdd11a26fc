"""The champion's terms of office: each version that becomes the champion gets the next integer in a tag.

The highest term is the champion's, and the one below it is that of the champion before. Counters and not times, so
that two machines with different clocks agree.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

TERM_TAG = "champion_term"
NO_TERM = "0"
"""The tag of a version that was rolled back: it is no champion, and no later rollback leads to it."""


def term_of(tags: Mapping[str, str]) -> int:
    """A version's term; 0 when it never was the champion, or was rolled back."""
    text = tags.get(TERM_TAG, NO_TERM)
    return int(text) if text.isdecimal() else 0


def next_term(versions: Iterable[Mapping[str, str]]) -> int:
    """The term of the next champion, from the tags of all versions."""
    return 1 + max(map(term_of, versions), default=0)


def office(term: int) -> dict[str, str]:
    """The tag of a version that takes office."""
    return {TERM_TAG: str(term)}
