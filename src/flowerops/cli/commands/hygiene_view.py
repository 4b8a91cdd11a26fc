"""The hygiene of a dataset version in a few lines."""

from __future__ import annotations

from typing import Any

from flowerops.cli.console import Console

_GROUPS_SHOWN = 5
_PATHS_SHOWN = 4


def show_hygiene(console: Console, document: dict[str, Any]) -> None:
    """Print the warnings of `data show`, then the groups that they speak of; nothing for a raw version."""
    if "hygiene" not in document:
        return
    show_warnings(console, document["warnings"])
    hygiene = document["hygiene"]
    _show_groups(console, "same photo, several labels", hygiene["conflicts"])
    _show_groups(console, "near-duplicates, several labels", hygiene["suspicious_labels"])
    _show_groups(console, "near-duplicates", hygiene["near_duplicates"])


def show_warnings(console: Console, warnings: list[str]) -> None:
    """Print sentences to heed, as part of the result."""
    if warnings:
        console.print("  to look at:")
        for sentence in warnings:
            console.item(f"! {sentence}", indent=4)


def _show_groups(console: Console, title: str, found: dict[str, Any]) -> None:
    if not found["count"]:
        return
    console.print(f"  {title}: {found['count']:,}")
    for group in found["items"][:_GROUPS_SHOWN]:
        paths = [photo if isinstance(photo, str) else photo["path"] for photo in group]
        more = f", and {len(paths) - _PATHS_SHOWN} more" if len(paths) > _PATHS_SHOWN else ""
        console.print(f"    {' = '.join(paths[:_PATHS_SHOWN])}{more}")
    if found["count"] > _GROUPS_SHOWN:
        console.print(f"    … and {found['count'] - _GROUPS_SHOWN:,} more; data preview shows them")
