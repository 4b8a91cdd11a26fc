"""The layout of a home folder, in one place."""

from __future__ import annotations

from pathlib import Path

from flowerops.domain.documents import Document
from flowerops.errors import UsageError
from flowerops.io.atomic import atomic_write, explain_os_error

LAYOUT_VERSION = 1
_MARKER = "home.json"


class HomeMarker(Document):
    """`home.json`: says that a folder is a flowerops home, and of which layout."""

    layout: int


class Home:
    """Where everything of the local target lies.

    objects/            photos by SHA-256            datasets/NAME/DIGEST/   versions
    runs/ID/STEP-ID/    step outputs, logs/          bundles/DIGEST/         registered model bundles
    endpoints/NAME/     deployments                  cache/                  what can be computed again
    tmp/                files on their way           downloads/              downloads that can be resumed
    notices/NAME/       licences of fetched photos   locks/                  who is at work
    audit/NAME/         the history of a model
    ledger.db           dataset numbers              mlflow.db, artifacts/   runs and model versions
    """

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self.objects = self.root / "objects"
        self.datasets = self.root / "datasets"
        self.runs = self.root / "runs"
        self.bundles = self.root / "bundles"
        self.endpoints = self.root / "endpoints"
        self.cache = self.root / "cache"
        self.locks = self.root / "locks"
        self.temp = self.root / "tmp"
        self.downloads = self.root / "downloads"
        self.notices = self.root / "notices"
        self.artifacts = self.root / "artifacts"
        self.audit = self.root / "audit"
        self.numbers = self.root / "ledger.db"
        self.tracking = self.root / "mlflow.db"

    def prepare(self) -> None:
        """Make the folder if needed and check that this version of flowerops understands it.

        Raises:
            UsageError: It cannot be written, is a file, or is of a newer layout.
            StoreIntegrityError: Its marker is damaged.
        """
        marker = self.root / _MARKER
        try:
            if marker.is_file():
                found = HomeMarker.from_json(marker.read_bytes(), str(marker))
                if found.layout > LAYOUT_VERSION:
                    raise UsageError(f"home {self.root} was written by a newer flowerops", "Upgrade flowerops.")
                return
            self.root.mkdir(parents=True, exist_ok=True)
            atomic_write(marker, HomeMarker(layout=LAYOUT_VERSION).to_json())
        except (FileExistsError, NotADirectoryError) as error:
            raise UsageError(f"home {self.root} is not a folder", "Choose another with --home.") from error
        except OSError as error:
            raise explain_os_error(error, self.root) from error

    def run_folder(self, run_id: str) -> Path:
        """Where a pipeline run's step outputs and logs lie."""
        return self.runs / run_id
