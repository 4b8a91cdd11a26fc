"""Look through a folder of class folders and say of every file what becomes of it."""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from flowerops.domain.dataset import Quarantined
from flowerops.errors import BadInputError

_JUNK_FILES = {"thumbs.db", "desktop.ini", "icon\r"}
_JUNK_FOLDERS = {"__macosx", "@eadir"}
MAX_FILE_BYTES = 256 * 2**20
"""No photo is larger; files are read into memory whole, several at once."""

LAYOUT_HINT = "Put the photos into one sub-folder a class: photos/daisy/1.jpg, photos/tulips/2.jpg …"


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file to take in: its class, its path below the root (with `/`), and the root."""

    label: str
    path: str
    root: str

    @property
    def location(self) -> Path:
        """Where it lies."""
        return Path(self.root, self.path)


@dataclass
class Scan:
    """What a folder holds: the files to take in, sorted by path, and what is left aside with the reason."""

    root: Path
    files: list[FoundFile] = field(default_factory=list)
    skipped: list[Quarantined] = field(default_factory=list)

    def classes(self) -> dict[str, int]:
        """Files per class."""
        return dict(sorted(Counter(found.label for found in self.files).items()))

    def skip(self, path: Path, reason: str) -> None:
        """Leave a file or folder aside."""
        shown = os.fsencode(path.relative_to(self.root)).decode("utf-8", "backslashreplace")
        self.skipped.append(Quarantined(path=shown, reason=reason))


def scan_folder(root: Path, *, min_classes: int = 2) -> Scan:
    """List the photos of every class folder, following no link out of the root.

    Args:
        root: The folder with one sub-folder a class.
        min_classes: How many classes it must have.

    Raises:
        BadInputError: The folder is missing, empty, not laid out in classes, has too few or empty classes, or
            something in it cannot be read.
    """
    _check_root(root)
    scan = Scan(root)
    labels = []
    for entry in _entries(root):
        if not entry.is_dir(follow_symlinks=False):
            scan.skip(Path(entry.path), "link" if entry.is_symlink() else "not in a class folder")
        elif _is_junk_folder(entry.name):
            scan.skip(Path(entry.path), "hidden or system folder")
        elif not _is_text(entry.name):
            scan.skip(Path(entry.path), "name is not valid UTF-8")
        else:
            labels.append(entry.name)
            scan.files.extend(_class_files(scan, entry.name, Path(entry.path)))
    _check_classes(scan, labels, min_classes)
    scan.files.sort(key=lambda found: found.path)
    return scan


def scan_photos(root: Path) -> Scan:
    """List all files below a folder, at any depth and of no class, with the same care as `scan_folder`.

    Args:
        root: The folder.

    Raises:
        BadInputError: It is missing, or something in it cannot be read.
    """
    _check_root(root)
    scan = Scan(root)
    scan.files = sorted(_class_files(scan, "", root), key=lambda found: found.path)
    scan.skipped.sort(key=lambda skipped: skipped.path)
    return scan


def _check_root(root: Path) -> None:
    try:
        what = None if stat.S_ISDIR(root.stat().st_mode) else "is a file, not a folder"
    except (FileNotFoundError, NotADirectoryError):
        what = "does not exist"
    except OSError as error:
        raise BadInputError(f"cannot read folder {root}: {error.strerror}", "Mend its permissions.") from error
    if what:
        raise BadInputError(f"data folder {root} {what}", "Name the folder that holds one sub-folder a class.")


def _check_classes(scan: Scan, labels: list[str], min_classes: int) -> None:
    if not labels:
        empty = not scan.skipped
        what = "is empty" if empty else "has no class folders"
        raise BadInputError(f"data folder {scan.root} {what}", LAYOUT_HINT)
    filled = {found.label for found in scan.files}
    hollow = [label for label in labels if label not in filled]
    if hollow:
        raise BadInputError(f"class folder {scan.root / hollow[0]} has no files", "Add photos to it, or remove it.")
    if len(labels) < min_classes:
        raise BadInputError(
            f"data folder {scan.root} has one class only ({labels[0]})", f"A classifier needs two. {LAYOUT_HINT}"
        )


def _class_files(scan: Scan, label: str, folder: Path) -> Iterator[FoundFile]:
    waiting = [folder]  # not recursive: folders may lie deeper than Python's stack
    while waiting:
        for entry in _entries(waiting.pop()):
            path = Path(entry.path)
            reason = _objection(scan.root, entry, path)
            if reason:
                scan.skip(path, reason)
            elif entry.is_dir():
                waiting.append(path)
            else:
                yield FoundFile(label, path.relative_to(scan.root).as_posix(), str(scan.root))


def _objection(root: Path, entry: os.DirEntry[str], path: Path) -> str | None:
    """Why something in a class folder is left aside, or None."""
    if entry.is_symlink() and not _link_stays_inside(root, path):
        return "link out of the folder, to a folder, or to nothing"
    if entry.is_dir():
        return "hidden or system folder" if _is_junk_folder(entry.name) else None
    if entry.name.startswith(".") or entry.name.lower() in _JUNK_FILES:
        return "hidden or system file"
    if not _is_text(str(path.relative_to(root))):
        return "name is not valid UTF-8"
    if not entry.is_file():
        return "not a regular file"
    return None if entry.stat().st_size <= MAX_FILE_BYTES else f"larger than {MAX_FILE_BYTES // 2**20} MiB"


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        raise BadInputError(f"cannot read folder {folder}: {error.strerror}", "Mend its permissions.") from error


def _is_junk_folder(name: str) -> bool:
    return name.startswith(".") or name.lower() in _JUNK_FOLDERS


def _is_text(name: str) -> bool:
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _link_stays_inside(root: Path, link: Path) -> bool:
    try:
        target = link.resolve(strict=True)
    except (OSError, RuntimeError):  # RuntimeError: a loop, before Python 3.13
        return False
    return target.is_file() and target.is_relative_to(root.resolve())
