"""Version numbers of datasets: 1, 2, 3 … handed out by a transaction, one for each content."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from flowerops.errors import ConflictError, DiskFullError, StoreIntegrityError, UsageError
from flowerops.io.surroundings import now

_BUSY_TIMEOUT_S = 60.0
_TABLE = """
CREATE TABLE IF NOT EXISTS versions (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    name     TEXT NOT NULL,
    version  INTEGER NOT NULL,
    digest   TEXT NOT NULL,
    created  TEXT NOT NULL,
    UNIQUE (name, version),
    UNIQUE (name, digest)
)"""
_TOMBSTONES = """
CREATE TABLE IF NOT EXISTS tombstones (
    name     TEXT NOT NULL,
    version  INTEGER NOT NULL,
    removed  TEXT NOT NULL,
    PRIMARY KEY (name, version)
)"""
_BURIED = "SELECT 1 FROM tombstones WHERE tombstones.name = versions.name AND tombstones.version = versions.version"


@dataclass(frozen=True)
class Numbered:
    """One entry: dataset name, version number, digest (SHA-256)."""

    name: str
    version: int
    digest: str


class Numbers:
    """The table of dataset versions in a small SQLite file."""

    def __init__(self, database: Path) -> None:
        self._database = database

    def number(self, name: str, digest: str) -> Numbered:
        """The number of a content; the next free one when it has none yet.

        A number stands for its content for ever: the same content that comes back after its removal gets it again, and
        nothing else ever does.
        """
        with self._transaction() as connection:
            found = connection.execute(
                "SELECT version FROM versions WHERE name = ? AND digest = ?", (name, digest)
            ).fetchone()
            if found:
                connection.execute("DELETE FROM tombstones WHERE name = ? AND version = ?", (name, found[0]))
                return Numbered(name, found[0], digest)
            (last,) = connection.execute(
                "SELECT COALESCE(MAX(version), 0) FROM versions WHERE name = ?", (name,)
            ).fetchone()
            connection.execute(
                "INSERT INTO versions (name, version, digest, created) VALUES (?, ?, ?, ?)",
                (name, last + 1, digest, now()),
            )
            return Numbered(name, last + 1, digest)

    def bury(self, gone: Numbered) -> None:
        """Put a tombstone on a number: it is listed no more, and never handed out for another content."""
        with self._transaction() as connection:
            connection.execute("INSERT OR IGNORE INTO tombstones VALUES (?, ?, ?)", (gone.name, gone.version, now()))

    def removed(self, name: str, version: int) -> str | None:
        """When a number's version was removed (ISO 8601, UTC); None when it was not."""
        if not self._has("tombstones"):
            return None
        with self._connection("?mode=rw") as connection:
            found = connection.execute(
                "SELECT removed FROM tombstones WHERE name = ? AND version = ?", (name, version)
            ).fetchone()
        return found[0] if found else None

    def all(self, name: str | None = None) -> list[Numbered]:
        """Every version, or those of one dataset, newest first; removed ones are left out."""
        if not self._has("versions"):
            return []
        living = f"AND NOT EXISTS ({_BURIED})" if self._has("tombstones") else ""
        query = (
            f"SELECT name, version, digest FROM versions WHERE (? IS NULL OR name = ?) {living} ORDER BY position DESC"  # noqa: S608 - constants
        )
        with self._connection("?mode=rw") as connection:
            rows = connection.execute(query, (name, name)).fetchall()
        return [Numbered(*row) for row in rows]

    def check(self) -> str:
        """What SQLite itself says of the file: "ok", or the first thing that is wrong."""
        if not self._database.exists():
            return "ok"
        try:
            with self._connection("?mode=rw") as connection:
                return str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
        except StoreIntegrityError as error:
            return error.message

    def _has(self, table: str) -> bool:
        if not self._database.exists():
            return False
        with self._connection("?mode=rw") as connection:  # never made here; rolls back what a killed writer left
            return connection.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (table,)).fetchone() is not None

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._connection() as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute(_TABLE)
            connection.execute(_TOMBSTONES)
            yield connection
            connection.execute("COMMIT")

    @contextlib.contextmanager
    def _connection(self, mode: str = "") -> Iterator[sqlite3.Connection]:
        uri = self._database.as_uri() + mode
        try:
            with contextlib.closing(
                sqlite3.connect(uri, _BUSY_TIMEOUT_S, isolation_level=None, uri=True)
            ) as connection:
                yield connection
        except sqlite3.OperationalError as error:
            if "full" in str(error):
                raise DiskFullError(f"no room left on the disk for {self._database}", "Free some space.") from error
            if "locked" in str(error):
                raise ConflictError(f"{self._database} is locked by another process", "Run again later.") from error
            if "readonly" in str(error):
                raise UsageError(
                    f"not writable: {self._database}", "Mend its permissions, or choose another folder with --home."
                ) from error
            raise UsageError(f"{self._database}: {error}", "Is the home folder writable?") from error
        except sqlite3.DatabaseError as error:
            raise StoreIntegrityError(f"{self._database}: {error}", "Restore the file from a backup.") from error
