"""What a walk along a lineage found: each link of the chain, and whether it holds."""

from __future__ import annotations

from dataclasses import dataclass, field

from flowerops.domain.verification import Link, LinkStatus, Problem


@dataclass
class Findings:
    """Links, everything that differs, and how many files, photos and images were looked at."""

    checked: int = 0
    links: list[Link] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def judge(self, source: str, relation: str, target: str, count: int, found: list[Problem], fine: str) -> None:
        """Say of a link what came of so many checks; `fine` where they found nothing."""
        self.checked += count
        self.problems += found
        if not found:
            self.say(source, relation, target, "ok", fine)
            return
        first = found[0]
        more = f" (and {len(found) - 1:,} more)" if len(found) > 1 else ""
        why = f"{first.of}: {first.path}: {_short(first.got)}{more}"
        self.say(source, relation, target, "broken", why, expected=first.expected, got=first.got)

    def say(self, source: str, relation: str, target: str, status: LinkStatus, why: str, **differ: str | None) -> None:
        """Add a link; differ: `expected` and `got`, where two digests differ."""
        self.links.append(Link(source=source, relation=relation, target=target, status=status, why=why, **differ))


def _short(text: str) -> str:
    return text[:12] if len(text) == 64 else text
