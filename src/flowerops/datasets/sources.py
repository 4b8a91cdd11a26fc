"""Foreign layouts of labelled photos, written out as one sub-folder a class."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Literal

from flowerops.errors import BadInputError
from flowerops.io.archives import archive_kind

Kind = Literal["parquet", "csv", "archive"]
_PARQUET_MAGIC = b"PAR1"
_CSV_SUFFIXES = {".csv", ".tsv"}
_LONGEST_NAME = 200
"""Bytes; file systems take 255, and a file's name may get a suffix."""


def source_kind(source: Path) -> Kind:
    """What a source is, by its content; a CSV by its name.

    Raises:
        BadInputError: It does not exist, cannot be read, or is none of them.
    """
    try:
        if source.is_dir():
            if any(True for _ in parquet_files(source)):
                return "parquet"
            raise BadInputError(
                f"{source} has no Parquet files in it",
                "A folder with one sub-folder a class is taken in with: flowerops preprocess --data-folder",
            )
        if source.exists() and not source.is_file():
            raise BadInputError(f"{source} is not a regular file", "Save it as a file first.")
        with source.open("rb") as stream:
            head = stream.read(len(_PARQUET_MAGIC))
        if head == _PARQUET_MAGIC:
            return "parquet"
        if archive_kind(source) is not None:
            return "archive"
    except OSError as error:
        raise BadInputError(f"cannot read {source}: {error.strerror}", "Name what is there and readable.") from error
    if source.suffix.lower() in _CSV_SUFFIXES:
        return "csv"
    raise BadInputError(
        f"{source} is no Parquet file, no archive (zip, tar, tar.gz) and no .csv",
        "See: flowerops data import --help",
    )


def parquet_files(source: Path) -> Iterator[Path]:
    """The Parquet files of a source, sorted; hidden ones are left out."""
    if source.is_file():
        yield source
        return
    for path in sorted(source.rglob("*.parquet")):
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(source).parts):
            yield path


def class_folders(folder: Path) -> Path:
    """The folder that holds the class folders: archives often wrap everything into one or more outer folders."""
    while True:
        inner = _visible_folders(folder)
        if len(inner) != 1 or not _visible_folders(inner[0]):
            return folder
        folder = inner[0]


def class_name(label: object, where: str) -> str:
    """A label that can be a folder's name.

    Raises:
        BadInputError: It is empty, hidden, too long, or would be a path; `where` says in which row it stands.
    """
    text = str(label).strip()
    unusable = (
        not text or text.startswith(".") or any(sign in text for sign in "/\\\0") or len(text.encode()) > _LONGEST_NAME
    )
    if unusable:
        raise BadInputError(f"{where}: {text[:80]!r} cannot be a class's name", "Mend the labels.")
    return text


class Layout:
    """Writes photos into class folders; every photo gets a name of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._taken: set[str] = set()
        self._last: Counter[str] = Counter()

    def place(self, label: str, wanted: str) -> Path:
        """Where to write a photo: its wanted name below the class folder, with a number when another one has it.

        The name may have folders in it; whatever would lead elsewhere in it is dropped.

        Raises:
            BadInputError: One of the folders is a photo already.
        """
        parts = [part for part in wanted.replace("\\", "/").replace("\0", "").split("/") if part not in ("", ".", "..")]
        if len(parts) > 1 and parts[0] == label:
            parts = parts[1:]
        parts = [_cut(part).lstrip(".") or "photo" for part in parts] or ["photo"]
        name = free = PurePosixPath(label, *parts)
        key = str(name).casefold()
        while str(free).casefold() in self._taken:
            self._last[key] += 1
            free = name.with_name(f"{name.stem}~{self._last[key] + 1}{name.suffix}")
        self._taken.add(str(free).casefold())
        target = self._folder / free
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError) as error:
            raise BadInputError(f"{wanted!r} of class {label!r} is below a photo", "Mend the paths.") from error
        return target


def _cut(name: str) -> str:
    """The end of a name that is too long; it has the suffix."""
    return name.encode()[-_LONGEST_NAME:].decode(errors="ignore")


def _visible_folders(folder: Path) -> list[Path]:
    return [
        path
        for path in folder.iterdir()
        if path.is_dir() and not path.is_symlink() and not path.name.startswith(".") and path.name != "__MACOSX"
    ]
