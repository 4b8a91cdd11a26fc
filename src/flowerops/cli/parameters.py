"""Run-time parameters: `--params FILE|JSON` with one section a step, overruled by flags."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import ValidationError

from flowerops.domain.documents import Document
from flowerops.domain.names import did_you_mean
from flowerops.domain.params import SECTIONS, PreprocessParams
from flowerops.errors import UsageError, in_plain_words
from flowerops.io.reading import read_bounded

if TYPE_CHECKING:
    from flowerops.domain.params import Mode

_MOST_PARAMS_BYTES = 1 << 20
_SHOWN = 200
"""Letters of what was meant for a path: JSON that lacks its first brace is taken for one."""

Params = TypeVar("Params", bound=Document)


def read_params(given: str | None) -> dict[str, dict[str, Any]]:
    """Read the sections of `--params`: JSON text, or the path of a JSON file.

    Raises:
        UsageError: No such file, not JSON, or a section that no step has.
    """
    if given is None:
        return {}
    text = given if given.lstrip().startswith("{") else _read_file(Path(given))
    try:
        sections = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(
            f"--params is not JSON: {error}", 'For example: --params \'{"training": {"epochs": 10}}\''
        ) from error
    if not isinstance(sections, dict) or not all(isinstance(section, dict) for section in sections.values()):
        raise UsageError("--params must be an object of sections", f"The sections are {', '.join(SECTIONS)}.")
    for name in sections:
        if name not in SECTIONS:
            raise UsageError(f"--params has an unknown section {name!r}", did_you_mean(name, SECTIONS))
    return sections


def make_params(kind: type[Params], given: dict[str, Any], **flags: Any) -> Params:
    """Lay the flags that were given over a section and check the whole.

    Raises:
        UsageError: An unknown name or a value out of range.
    """
    values = {**given, **{name: value for name, value in flags.items() if value is not None}}
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        hint = did_you_mean(name, kind.model_fields) if first["type"] == "extra_forbidden" else None
        words = in_plain_words(first["msg"])
        raise UsageError(f"parameter {name}: {words}" if name else words, hint) from error


def preprocess_params(
    sections: dict[str, dict[str, Any]],
    image_size: int | None,
    fit: str | None,
    max_bad: str | None,
    **others: object,
) -> PreprocessParams | None:
    """The preprocessing that was asked for, or None when nothing was said about it."""
    section = sections.get("preprocessing", {})
    flags = {"image_size": image_size, "fit": fit, "max_bad": parse_share(max_bad, "--max-bad"), **others}
    if not section and all(value is None for value in flags.values()):
        return None
    return make_params(PreprocessParams, section, **flags)


def intake_mode(extend: bool, replace: bool, folder: Path | None) -> Mode | None:
    """What `--extend` and `--replace` ask for.

    Raises:
        UsageError: Both, or one of them without new photos.
    """
    if extend and replace:
        raise UsageError("--extend and --replace exclude each other", "Give one of them.")
    if (extend or replace) and folder is None:
        raise UsageError("--extend and --replace need --data-folder", "Name the folder of new photos.")
    return "extend" if extend else "replace" if replace else None


def parse_share(text: str | None, option: str) -> float | None:
    """Read a share as `1%` or `0.01`.

    Raises:
        UsageError: Neither.
    """
    if text is None:
        return None
    try:
        value = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError as error:
        raise UsageError(f"{option}: {text!r} is not a share", "Write 1% or 0.01.") from error
    if not 0 <= value <= 1:
        raise UsageError(f"{option}: {text!r} is not between 0% and 100%")
    return value


def _read_file(path: Path) -> str:
    try:
        return read_bounded(path, _MOST_PARAMS_BYTES).decode()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(
            f"--params {str(path)[:_SHOWN]} cannot be read: {reason}", "Give a JSON file, or JSON text."
        ) from error
