"""Unpack an archive that a stranger made: plain files inside one folder, and no more of them than the disk can bear."""

from __future__ import annotations

import contextlib
import errno
import gzip
import lzma
import os
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from flowerops.domain.progress import Progress
from flowerops.errors import BadInputError
from flowerops.io.budget import Budget

_PIECE = 1 << 20
_LARGEST_READ = 16 << 20
"""`tarfile` reads a header's extension in one piece, of the size that the header says."""
_GZIP, _ZIP = b"\x1f\x8b", b"PK"
_TAR_MAGIC = (b"ustar\x0000", b"ustar  \x00")
_ENCRYPTED = 0x1
DAMAGE = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    ValueError,
    NotImplementedError,
)
"""What the standard library raises for damaged archives, besides OSError and, for encrypted members, RuntimeError."""
_ERRNOS_OF_DAMAGE = (None, errno.EINVAL)
"""bz2 and gzip raise an OSError without a number; a place that no file can have is an invalid one."""

Member = tuple[str, IO[bytes], int]
"""A file's name, its content, and how far into the archive it lies, in bytes."""


def archive_kind(path: Path) -> str | None:
    """`zip`, `tar` or `tar.gz` by the file's first bytes, whatever its name; None for something else."""
    with path.open("rb") as stream:
        head = stream.read(512)
    if head.startswith(_GZIP):
        return "tar.gz"
    if head[:2] == _ZIP and _is_zip(path):
        return "zip"
    return "tar" if head[257:265] in _TAR_MAGIC else None


def _is_zip(path: Path) -> bool:
    try:
        return zipfile.is_zipfile(path)
    except zipfile.BadZipFile:  # one on several disks; unpacking says so
        return True


def unpack(path: Path, folder: Path, progress: Progress, budget: Budget | None = None) -> None:
    """Unpack a zip, tar or tar.gz file into an empty folder.

    Args:
        path: The archive.
        folder: Where to; exists, and is empty.
        progress: Told of every file.
        budget: How many files and bytes are allowed; by default what is plausible for an archive of this size.

    Raises:
        BadInputError: It is not such an archive or damaged; a member is absolute, goes up, is a link or a device, is
            encrypted, has too long a name or occurs twice; or there are more files or bytes than allowed. What was
            unpacked stays behind.
    """
    kind = archive_kind(path)
    if kind is None:
        raise BadInputError(f"{path} is not a zip, tar or tar.gz archive", "Unpack it yourself and name the folder.")
    allowed = budget or Budget.for_file(path)
    members = _zip_members(path) if kind == "zip" else _tar_members(path, kind, allowed)
    done = 0
    try:
        with progress.task("unpacking", path.stat().st_size, "byte") as task:
            for name, stream, position in members:
                _write(folder, name, stream, path, allowed)
                task.advance(position - done)
                done = position
            task.advance(path.stat().st_size - done)
    except (*DAMAGE, OSError) as error:
        if isinstance(error, OSError) and error.errno not in _ERRNOS_OF_DAMAGE:
            raise  # the disk's, not the archive's
        raise BadInputError(f"{path} is damaged: {error}", "Get the archive again.") from error


def _zip_members(path: Path) -> Iterator[Member]:
    position = 0
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            kind = member.external_attr >> 28 if member.create_system == 3 else 0
            if member.flag_bits & _ENCRYPTED:
                raise BadInputError(f"{path}: {member.filename!r} is encrypted", "Unpack it and name the folder.")
            if kind not in (0, 0o10, 0o4):  # of Unix: nothing said, a regular file, a folder
                raise _refused(path, member.filename, "is a link or a device")
            position += member.compress_size
            if not member.filename.endswith("/"):  # `is_dir` cannot take an empty name before Python 3.12
                with archive.open(member) as stream:
                    yield member.filename, stream, position


def _tar_members(path: Path, kind: str, budget: Budget) -> Iterator[Member]:
    with path.open("rb") as raw, contextlib.ExitStack() as stack:
        plain: Any = stack.enter_context(gzip.GzipFile(fileobj=raw)) if kind == "tar.gz" else raw
        archive: Any = stack.enter_context(tarfile.TarFile(fileobj=_Bounded(plain, path)))  # type: ignore[arg-type]
        while (member := archive.next()) is not None:
            archive.members.clear()  # else every header stays in memory
            if member.isdir():
                continue
            if not member.isreg() or member.issparse():
                raise _refused(path, member.name, "is a link, a device or a sparse file")
            budget.check_announced(member.size, path)
            yield member.name, archive.extractfile(member), raw.tell()
        _check_end(plain, archive.offset, path, budget)


def _check_end(plain: IO[bytes], offset: int, path: Path, budget: Budget) -> None:
    """`tarfile` takes a header that is cut off or spoilt for the end; gzip checks its sum only at the very end."""
    plain.seek(offset)
    if plain.read(tarfile.BLOCKSIZE) != tarfile.NUL * tarfile.BLOCKSIZE:
        raise tarfile.ReadError("it is cut off")
    while piece := plain.read(_PIECE):
        budget.count_bytes(len(piece), path)


class _Bounded:
    """A file for `tarfile` that refuses huge single reads."""

    def __init__(self, stream: IO[bytes], path: Path) -> None:
        self._stream = stream
        self._path = path
        self.name = str(path)
        self.mode = "rb"

    def read(self, size: int) -> bytes:
        if size > _LARGEST_READ:
            raise BadInputError(f"{self._path} has a header of {size:,} bytes", "This is no archive of photos.")
        return self._stream.read(size)

    def seek(self, position: int) -> int:
        return self._stream.seek(position)

    def tell(self) -> int:
        return self._stream.tell()


def _write(folder: Path, name: str, stream: IO[bytes], archive: Path, budget: Budget) -> None:
    parts = [part for part in name.split("/") if part not in ("", ".")]
    absolute = name.startswith(("/", "\\")) or (len(name) > 1 and name[1] == ":")
    if absolute or not parts or ".." in parts or "\0" in name or (os.name == "nt" and "\\" in name):
        raise _refused(archive, name, "leads out of the folder")
    target = folder.joinpath(*parts)
    budget.count_file(archive)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("xb") as out:
            while piece := stream.read(_PIECE):
                budget.count_bytes(len(piece), archive)
                out.write(piece)
    except FileExistsError as error:
        raise _refused(archive, name, "occurs twice") from error
    except (NotADirectoryError, IsADirectoryError) as error:
        raise _refused(archive, name, "is a file and a folder at once") from error
    except RuntimeError as error:  # zipfile's word for a password that is needed
        raise BadInputError(f"{archive}: {name!r}: {error}", "Unpack it and name the folder.") from error
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:
            raise
        raise _refused(archive, f"{name[:40]}…", "has a name that is too long here") from error


def _refused(archive: Path, name: str, reason: str) -> BadInputError:
    return BadInputError(
        f"{archive}: member {name!r} {reason}", "The archive is not unpacked. Ask where it comes from."
    )
