"""The only way a file or a folder comes into being: whole, or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from flowerops.errors import DiskFullError, FlowerOpsError, UsageError

TEMP_PREFIX = ".tmp-"
NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_SHOWN = 200
"""Letters of a name that is too long."""
NO_ACCESS = {errno.EACCES, errno.EPERM, errno.EROFS}


def temp_beside(target: Path) -> Path:
    """A fresh name in the target's folder, so that the final rename stays on one file system."""
    return target.with_name(f"{TEMP_PREFIX}{secrets.token_hex(6)}")


def atomic_write(target: Path, data: bytes | str, *, durable: bool = True, private: bool = False) -> None:
    """Write a file so that readers see the old bytes or all of the new ones.

    Args:
        target: The file; its folder is made when missing.
        data: Bytes, or text that is written as UTF-8.
        durable: Flush to the disk before the rename. Writers of many files pass False and call `sync_disk` once.
        private: Only this user may read it, from its first byte on.

    Raises:
        DiskFullError, UsageError: No room, or no right to write there.
    """
    payload = data.encode() if isinstance(data, str) else data
    with _explained(target):
        temp = temp_beside(target)
        try:
            with _open_new(temp, private=private) as stream:
                stream.write(payload)
                if durable:
                    stream.flush()
                    os.fsync(stream.fileno())
            os.replace(temp, target)
        except BaseException:
            temp.unlink(missing_ok=True)
            raise
        if durable:
            sync_folder(target.parent)


def _open_new(path: Path, *, private: bool) -> BinaryIO:
    opener = _for_me_only if private else None
    try:
        return open(path, "xb", opener=opener)
    except FileNotFoundError:  # asked only then: most files go into a folder that is there
        path.parent.mkdir(parents=True, exist_ok=True)
        return open(path, "xb", opener=opener)


def _for_me_only(name: str, flags: int) -> int:
    return os.open(name, flags, 0o600)


@contextlib.contextmanager
def publish_file(target: Path) -> Iterator[Path]:
    """Fill a temporary file and put it in the target's place when the block ends well; else nothing remains.

    For files that are too large to be held in memory; see `atomic_write` for the others.

    Yields:
        The temporary file's name, beside the target; the block makes the file.
    """
    with _explained(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        temp = temp_beside(target)
        try:
            yield temp
            with open(temp, "rb") as stream:
                os.fsync(stream.fileno())
            os.replace(temp, target)
        except BaseException:
            temp.unlink(missing_ok=True)
            raise
        sync_folder(target.parent)


@contextlib.contextmanager
def staging_folder(parent: Path) -> Iterator[Path]:
    """An empty temporary folder inside `parent`; whatever is still there when the block ends is deleted."""
    with _explained(parent):
        parent.mkdir(parents=True, exist_ok=True)
        temp = temp_beside(parent / "any")
        temp.mkdir()
        try:
            yield temp
        finally:
            shutil.rmtree(temp, ignore_errors=True)


def publish(temp: Path, target: Path) -> None:
    """Give a filled staging folder its final name, durably.

    When the target exists already (somebody published the same content first), the staging folder is left to be
    deleted: callers use names that stand for the content.
    """
    if target.exists():
        return
    with _explained(target):
        _sync_tree(temp)
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            temp.rename(target)
        except OSError:
            if not target.is_dir():
                raise
            return  # somebody published the same content between the question above and the rename
        sync_folder(target.parent)


@contextlib.contextmanager
def publish_folder(target: Path) -> Iterator[Path]:
    """Fill a temporary folder and publish it under its final name when the block ends well; else nothing remains.

    Yields:
        The temporary folder, beside the target.
    """
    with staging_folder(target.parent) as temp:
        yield temp
        publish(temp, target)


def sync_folder(folder: Path) -> None:
    """Make renames inside a folder survive a power cut (a no-op where folders cannot be opened)."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_disk() -> None:
    """Flush everything written so far; one call instead of one a file."""
    if hasattr(os, "sync"):
        os.sync()


def remove_leftovers(folder: Path) -> None:
    """Delete temporary files and folders that a killed process left in a folder nobody else is writing to."""
    for leftover in folder.glob(f"{TEMP_PREFIX}*"):
        if leftover.is_dir():
            shutil.rmtree(leftover, ignore_errors=True)
        else:
            leftover.unlink(missing_ok=True)


def explain_os_error(error: OSError, path: Path | str) -> FlowerOpsError:
    """Turn "no room" and "no right" into the errors with the documented exit codes."""
    if error.errno in NO_ROOM:
        return DiskFullError(f"no room left on the disk while writing {path}", f"Free some space. {_room(path)}")
    if error.errno in NO_ACCESS:
        return UsageError(
            f"not writable: {error.filename or path}", "Mend its permissions, or choose another folder with --home."
        )
    if error.errno == errno.ENAMETOOLONG:
        return UsageError(f"the name is too long: {str(error.filename or path)[:_SHOWN]}…", "Give a shorter one.")
    return FlowerOpsError(f"{error.filename or path}: {error.strerror or error}")


def _room(path: Path | str) -> str:
    folder = Path(path)
    while not folder.exists():
        folder = folder.parent
    return f"The disk has {shutil.disk_usage(folder).free / 1e6:,.0f} MB free."


@contextlib.contextmanager
def _explained(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in NO_ROOM | NO_ACCESS | {errno.ENOTDIR, errno.EEXIST}:
            raise explain_os_error(error, target) from error
        raise


def _sync_tree(folder: Path) -> None:
    for root, _, files in os.walk(folder):
        for name in files:
            with open(os.path.join(root, name), "rb") as stream:
                os.fsync(stream.fileno())
        sync_folder(Path(root))
