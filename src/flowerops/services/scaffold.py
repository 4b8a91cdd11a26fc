"""Files that a command writes for people to keep: never over what they changed, and the same again does nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from flowerops.errors import BadInputError
from flowerops.io.atomic import atomic_write

Action = Literal["created", "extended", "replaced", "unchanged", "kept"]


@dataclass(frozen=True)
class ProjectFile:
    """path: relative to the folder. lines: what matters is that each line is there, whatever else is.

    executable: a script that is run by its name.
    """

    path: str
    text: str
    lines: bool = False
    executable: bool = False


@dataclass(frozen=True)
class Written:
    """What became of a file: `kept` means that it differs from what was to be written, and was left as it is."""

    path: str
    action: Action

    def document(self) -> dict[str, Any]:
        """The JSON members."""
        return asdict(self)


def check_folder(folder: Path) -> None:
    """Refuse to write into what is no folder.

    Raises:
        BadInputError: It is a file.
    """
    if folder.exists() and not folder.is_dir():
        raise BadInputError(f"{folder} is a file", "Name a folder, or one that does not exist yet.")


def write_files(folder: Path, files: Sequence[ProjectFile], *, force: bool, dry_run: bool) -> list[Written]:
    """Write files that are not there yet.

    Args:
        folder: Where; made when missing.
        files: What.
        force: Also over files that differ.
        dry_run: Only say what would be done.

    Raises:
        BadInputError: A path leads through a file, or to a folder, or out of `folder` by a link.
        UsageError, DiskFullError: No right to write there, or no room; run again, what was written stays.
    """
    planned = [(file, *_plan(folder, file, force)) for file in files]
    if not dry_run:
        for file, action, text in planned:
            if action in {"created", "extended", "replaced"}:
                target = folder / file.path
                atomic_write(target, text.encode("utf-8", "surrogateescape"))
                if file.executable:
                    target.chmod(0o755)
    return [Written(file.path, action) for file, action, _ in planned]


def with_line(text: str, start: str, rest: str) -> str:
    """A text in which the one line that begins with `start` goes on with `rest`."""
    lines = text.splitlines(keepends=True)
    found = [number for number, line in enumerate(lines) if line.startswith(start)]
    assert len(found) == 1, f"{len(found)} lines begin with {start!r}"
    lines[found[0]] = f"{start}{rest}\n"
    return "".join(lines)


def _plan(folder: Path, file: ProjectFile, force: bool) -> tuple[Action, str]:
    before = _read(folder, file.path)
    if before is None:
        return "created", file.text
    if file.lines:
        missing = [line for line in file.text.splitlines() if line not in before.splitlines()]
        gap = "" if not before or before.endswith("\n") else "\n"
        return ("extended", before + gap + "\n".join(missing) + "\n") if missing else ("unchanged", before)
    if before == file.text:
        return "unchanged", before
    return ("replaced", file.text) if force else ("kept", before)


def _read(folder: Path, path: str) -> str | None:
    """A file's text, whatever it is; None when there is none."""
    target, root = folder / path, folder.resolve()
    if not target.resolve().is_relative_to(root):
        raise BadInputError(f"{target} leads out of {folder} by a link", "Remove the link, or name another folder.")
    try:
        return target.read_bytes().decode("utf-8", "surrogateescape")
    except FileNotFoundError:
        return None
    except (IsADirectoryError, NotADirectoryError) as error:
        raise BadInputError(f"{target} cannot be a file: {error.strerror}", "Move what is in the way.") from error
