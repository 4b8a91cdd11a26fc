"""MkDocs hook: a page of the navigation that is not there (yet) is left out; a test says which ones may be absent."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def on_config(config: Any) -> Any:
    """Keep the entries of `nav` whose files exist."""
    config.nav = _present(config.nav, Path(config.docs_dir))
    return config


def _present(entry: Any, docs: Path) -> Any:
    if isinstance(entry, list):
        return [kept for one in entry if (kept := _present(one, docs))]
    if isinstance(entry, dict):
        return {name: kept for name, inner in entry.items() if (kept := _present(inner, docs))}
    return entry if (docs / entry).is_file() else None
