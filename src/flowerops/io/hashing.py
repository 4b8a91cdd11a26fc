"""SHA-256 of files and the seal over a folder."""

from __future__ import annotations

import hashlib
import re
import stat
from pathlib import Path
from typing import TypedDict

from flowerops.errors import StoreIntegrityError
from flowerops.io.atomic import atomic_write

SEAL_FILE = "SHA256SUMS"
_ESCAPES = {"\\": "\\\\", "\n": "\\n", "\r": "\\r"}
_UNESCAPES = {escaped: plain for plain, escaped in _ESCAPES.items()}


class Problem(TypedDict):
    """A file that is not what it was: its path, and the expected and found SHA-256, or words such as "missing"."""

    path: str
    expected: str
    got: str


def sha256_bytes(data: bytes | memoryview) -> str:
    """SHA-256 of bytes, or of the memory of an array, as 64 hex digits."""
    return hashlib.sha256(data).hexdigest()


def sha256_file(path: Path) -> str:
    """SHA-256 of a file's content as 64 hex digits, read in pieces."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def read_checked(path: Path, sha256: str, named: str, otherwise: str, hint: str) -> bytes:
    """A file's bytes, once it is known that they are those of a SHA-256.

    Args:
        path: The file.
        sha256: What its bytes must have, as 64 hex digits.
        named: What the error calls it: "stored photo PATH".
        otherwise: What the error says of other bytes: "is corrupt".
        hint: What to do then.

    Raises:
        StoreIntegrityError: It cannot be read, or has other bytes.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise StoreIntegrityError(f"{named} cannot be read: {error.strerror}", hint) from error
    if sha256_bytes(data) != sha256:
        raise StoreIntegrityError(f"{named} {otherwise}", hint)
    return data


def _files_of(folder: Path) -> list[str]:
    found = (
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_symlink() or not path.is_dir()
    )
    return sorted(name for name in found if name != SEAL_FILE)


def seal_folder(folder: Path) -> str:
    """Write SHA256SUMS over every file of a folder (the format of the `sha256sum` tool) and return its own SHA-256."""
    lines = [_seal_line(sha256_file(folder / name), name) for name in _files_of(folder)]
    atomic_write(folder / SEAL_FILE, "".join(lines).encode("utf-8", "surrogateescape"))
    return sha256_file(folder / SEAL_FILE)


def _seal_line(digest: str, name: str) -> str:
    """As `sha256sum` writes it: a name with a backslash or a line end is escaped, and the line begins with one."""
    escaped = re.sub(r"[\\\n\r]", lambda found: _ESCAPES[found[0]], name)
    return ("\\" if escaped != name else "") + f"{digest}  {escaped}\n"


def _read_seal_line(line: str) -> tuple[str, str]:
    digest, _, name = line.partition("  ")
    if digest.startswith("\\"):
        return re.sub(r"\\.", lambda found: _UNESCAPES.get(found[0], found[0]), name), digest[1:]
    return name, digest


def sealed_files(folder: Path) -> dict[str, str]:
    """What a seal says: SHA-256 by path relative to the folder. Nothing is compared, see `verify_seal`."""
    lines = (folder / SEAL_FILE).read_bytes().decode("utf-8", "surrogateescape").split("\n")
    return dict(_read_seal_line(line) for line in lines if line)


def seal_problems(folder: Path) -> list[Problem]:
    """Compare a sealed folder with its SHA256SUMS; an empty list means intact."""
    seal = folder / SEAL_FILE
    if not seal.is_file():
        return [{"path": SEAL_FILE, "expected": "a seal", "got": "missing"}]
    expected = sealed_files(folder)
    present = set(_files_of(folder))
    added = sorted(present - set(expected))
    problems: list[Problem] = [{"path": name, "expected": "no file", "got": "unexpected"} for name in added]
    for name, digest in expected.items():
        got = _found(folder / name) if name in present else "missing"
        if got != digest:
            problems.append({"path": name, "expected": digest, "got": got})
    return problems


def _found(path: Path) -> str:
    try:
        mode = path.stat().st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):  # reading a device or a pipe might never end
            return "not a regular file"
        return sha256_file(path)
    except OSError as error:  # a link to nowhere in the file's place, say
        return f"unreadable: {error.strerror}"


def verify_seal(folder: Path, digest: str | None = None) -> str:
    """Check a sealed folder, and that it is the one with this digest.

    Returns:
        The folder's digest: the SHA-256 of its SHA256SUMS.

    Raises:
        StoreIntegrityError: A file differs, is missing or was added, or it is another folder.
    """
    problems = seal_problems(folder)
    got = "" if problems else sha256_file(folder / SEAL_FILE)
    if not problems and digest not in (None, got):
        problems = [{"path": SEAL_FILE, "expected": str(digest), "got": got}]
    if problems:
        first = problems[0]
        raise StoreIntegrityError(
            f"{folder}: {first['path']}: {_short(first['got'])} (expected {_short(first['expected'])})",
            "The folder was changed after it was written; register or fetch the model again.",
            {"problems": problems},
        )
    return got


class SealedReader:
    """Reads files of a sealed folder: what it gives is what the seal says, whatever happens to the folder meanwhile.

    Args:
        folder: A folder that `verify_seal` found intact.
        digest: What that gave.

    Raises:
        StoreIntegrityError: The seal was changed since then.
    """

    def __init__(self, folder: Path, digest: str) -> None:
        self._folder = folder
        if sha256_file(folder / SEAL_FILE) != digest:
            raise self._changed(SEAL_FILE)
        self._expected = sealed_files(folder)

    def read(self, name: str) -> bytes:
        """A file's bytes.

        Raises:
            StoreIntegrityError: It cannot be read, or is not what was sealed.
        """
        if name not in self._expected:  # what a bundle's own documents name may be any path of this machine
            raise StoreIntegrityError(f"{self._folder}: {name!r} is not one of its files", "The folder is incomplete.")
        try:
            data = (self._folder / name).read_bytes()
        except OSError as error:
            raise StoreIntegrityError(f"{self._folder}: {name} cannot be read", "It is incomplete.") from error
        if sha256_bytes(data) != self._expected[name]:
            raise self._changed(name)
        return data

    def _changed(self, name: str) -> StoreIntegrityError:
        return StoreIntegrityError(
            f"{self._folder}: {name} was changed while it was read", "Register or fetch the model again."
        )


def _short(digest: str) -> str:
    return digest[:12] if len(digest) == 64 else digest
