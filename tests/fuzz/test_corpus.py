"""What the fuzzers found once, and their good examples: read, or refused as documented."""

from __future__ import annotations

from pathlib import Path

import pytest

from fuzz.targets import NAMES, Readers

CORPUS = Path(__file__).parent / "corpus"
FOUND = sorted(path.relative_to(CORPUS).as_posix() for path in CORPUS.rglob("*") if path.is_file())


@pytest.fixture
def readers(tiny_bundle: Path, tmp_path: Path) -> Readers:
    return Readers(tiny_bundle, tmp_path)


@pytest.mark.parametrize("found", FOUND)
def test_what_was_found_once_is_read_or_refused(found: str, readers: Readers) -> None:
    readers.targets[Path(found).parts[0]].read((CORPUS / found).read_bytes())


@pytest.mark.parametrize("name", NAMES)
def test_the_examples_are_read(name: str, readers: Readers) -> None:
    target = readers.targets[name]
    for example in target.examples():
        target.read(example)
        target.read(example[: len(example) // 2])
