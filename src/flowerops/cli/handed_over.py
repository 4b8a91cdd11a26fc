"""`@FILE` where a run, a model or a dataset is named: what the JSON document of an earlier command names.

Steps of a CI system hand over by files. A step that asks for "the latest" instead may get what somebody else made in
the meantime.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

MARK = "@"


def run_id(value: str | None) -> str | None:
    """A run's id, or `@FILE` with a document that has `run_id`: of train, evaluate, register or run.

    Raises:
        BadInputError: The file cannot be read, is no document of a command that succeeded, or names no run.
    """
    return _handed_over(value, "run", lambda document: document.get("run_id"))


def model(value: str | None) -> str | None:
    """`NAME[:VERSION]`, or `@FILE` with a document that has `model`: of register, deploy or run.

    Raises:
        BadInputError: As `run_id` does.
    """
    return _handed_over(value, "model", _model_of)


def dataset(value: str | None) -> str | None:
    """`NAME[:VERSION]`, or `@FILE` with a document that has `raw` or `dataset`: of preprocess, train or run.

    Raises:
        BadInputError: As `run_id` does.
    """
    return _handed_over(value, "dataset", _dataset_of)


def _handed_over(value: str | None, what: str, find: Callable[[Mapping[str, Any]], object]) -> str | None:
    if value is None or not value.startswith(MARK):
        return value
    from flowerops.errors import BadInputError

    path = value.removeprefix(MARK)
    found = find(_document(path))
    if not isinstance(found, str) or not found:
        raise BadInputError(f"{path} names no {what}", "Take what train, register or preprocess printed with --json.")
    return found


def _document(path: str) -> Mapping[str, Any]:
    import json
    from pathlib import Path

    from flowerops.errors import BadInputError

    try:
        document = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise BadInputError(
            f"cannot read the document {path}: {error}", "Write it with: flowerops COMMAND --json > FILE"
        ) from error
    if not isinstance(document, dict) or document.get("ok") is not True:
        raise BadInputError(f"{path} is not the document of a command that succeeded", "Run that command again.")
    return document


def _model_of(document: Mapping[str, Any]) -> str | None:
    found = document.get("model") or _step(document, "register").get("model")
    return found if isinstance(found, str) else _versioned(found)


def _dataset_of(document: Mapping[str, Any]) -> str | None:
    return _versioned(document.get("raw") or document.get("dataset") or _step(document, "preprocess").get("raw"))


def _step(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """One step of `flowerops run`."""
    steps = document.get("steps")
    found = steps.get(name) if isinstance(steps, dict) else None
    return found if isinstance(found, dict) else {}


def _versioned(member: object) -> str | None:
    if not isinstance(member, dict) or not member.get("name") or not member.get("version"):
        return None
    return f"{member['name']}:{member['version']}"
