"""The ledger's SQLite file: it comes into being whole, however many processes open it first."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flowerops.errors import FlowerOpsError, StoreIntegrityError, UsageError, first_line
from flowerops.io.atomic import remove_leftovers, staging_folder, sync_folder
from flowerops.io.locks import exclusive
from flowerops.tracking.client import explain, open_client


def sqlite_uri(file: Path) -> str:
    """MLflow's address of a SQLite file.

    Raises:
        UsageError: The path has a character that MLflow cannot cope with.
    """
    path = str(file.resolve())
    if "%" in path or "?" in path:  # SQLAlchemy unquotes the first and ends the path at the second; MLflow does not
        raise UsageError(
            f"the ledger of runs cannot lie in {file.parent}: '%' or '?' in its path", "Choose another home."
        )
    return f"sqlite:///{path}"


def open_database(file: Path) -> Any:
    """A client of the ledger in a file, which is made when it is missing.

    Several processes that open a new MLflow database at once break it, and so does a kill while its tables are made:
    it is made under a lock and another name, and gets its own when it is complete.

    Raises:
        UsageError: The path has a character that MLflow cannot cope with, or the file is not writable.
        DiskFullError, StoreIntegrityError: There is no room to make it, or it cannot be read.
    """
    uri = sqlite_uri(file)
    if not file.exists():
        locks = file.parent / "locks"
        with exclusive(locks / "mlflow.lock", "the ledger of runs"):
            if not file.exists():
                remove_leftovers(locks)
                _make(file, locks)
    return _opened(uri, file)


def _make(file: Path, workspace: Path) -> None:
    with staging_folder(workspace) as temp:
        _opened(sqlite_uri(temp / file.name), file)
        (temp / file.name).rename(file)
        sync_folder(file.parent)


def _opened(uri: str, named: Path) -> Any:
    """A client that has looked into its database; `named` is the file that errors speak of."""
    try:
        if named.exists():
            named.open("rb").close()  # when that fails, MLflow goes on trying for minutes
        client = open_client(uri)
        client.search_experiments(max_results=1)
        return client
    except FlowerOpsError:
        raise
    except Exception as error:  # of the client's making, which creates the tables
        explained = explain(str(error), str(named))
        if explained is not None:
            raise explained from error
        raise StoreIntegrityError(
            f"the ledger {named} cannot be read: {first_line(error)}",
            "Restore it from a backup, or move it away to begin a new one.",
        ) from error
