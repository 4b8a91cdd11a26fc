"""`@FILE` names what the document of an earlier command names, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flowerops.cli import handed_over
from flowerops.errors import BadInputError

MODEL = {"name": "meadow", "version": 7, "digest": "0" * 64}
RAW = {"name": "flowers", "version": 3, "files": 12}


def written(tmp_path: Path, **members: Any) -> str:
    file = tmp_path / "document.json"
    file.write_text(json.dumps({"schema_version": 1, "ok": True, **members}))
    return f"@{file}"


@pytest.mark.parametrize("function", [handed_over.run_id, handed_over.model, handed_over.dataset])
@pytest.mark.parametrize("value", [None, "flowers:3", "4f2e"])
def test_a_name_stays_as_it_is(function: Callable[[str | None], str | None], value: str | None) -> None:
    assert function(value) == value


@pytest.mark.parametrize(
    ("function", "members", "named"),
    [
        (handed_over.run_id, {"run_id": "4f2e"}, "4f2e"),
        (handed_over.model, {"model": MODEL}, "meadow:7"),
        (handed_over.model, {"model": "meadow:7"}, "meadow:7"),
        (handed_over.model, {"steps": {"register": {"model": MODEL}}}, "meadow:7"),
        (handed_over.dataset, {"raw": RAW, "processed": {"name": "flowers_processed", "version": 9}}, "flowers:3"),
        (handed_over.dataset, {"dataset": RAW}, "flowers:3"),
        (handed_over.dataset, {"steps": {"preprocess": {"raw": RAW}}}, "flowers:3"),
    ],
)
def test_a_document_names_it(
    tmp_path: Path, function: Callable[[str | None], str | None], members: dict[str, Any], named: str
) -> None:
    assert function(written(tmp_path, **members)) == named


@pytest.mark.parametrize(
    "members", [{}, {"ok": False, "run_id": "4f2e"}, {"run_id": ""}, {"run_id": 7}, {"run_id": None}, {"steps": []}]
)
def test_a_document_that_names_nothing_is_refused(tmp_path: Path, members: dict[str, Any]) -> None:
    with pytest.raises(BadInputError):
        handed_over.run_id(written(tmp_path, **members))


@pytest.mark.parametrize("model", [{"name": "meadow"}, {"name": "meadow", "version": None}, [], 7])
def test_a_model_without_a_version_is_refused_not_guessed(tmp_path: Path, model: Any) -> None:
    with pytest.raises(BadInputError):
        handed_over.model(written(tmp_path, model=model))


@pytest.mark.parametrize("text", [b"", b"not json", b"[" * 100_000, b"[]", b"\xff\xfe"])
def test_what_is_no_document_is_refused(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "document.json").write_bytes(text)
    with pytest.raises(BadInputError):
        handed_over.run_id(f"@{tmp_path / 'document.json'}")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"absent\.json"):
        handed_over.dataset(f"@{tmp_path / 'absent.json'}")
