"""What a checkpoint says about itself, for those who do not want its arrays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flowerops.domain.documents import Document
from flowerops.errors import StoreIntegrityError
from flowerops.ml.checkpoint_place import checkpoints_in

FACTS_FILE = "checkpoint.json"


class Facts(Document):
    """`checkpoint.json`.

    epoch: how many are finished. run: id of the pipeline run that wrote it. fingerprint: everything that decides the
    result of the training. history: each epoch's metrics by name; the best score and when it was are read from there.
    """

    schema_version: int = 1
    epoch: int
    run: str | None
    created: str
    fingerprint: dict[str, Any]
    history: dict[str, list[float]]


def read_facts(folder: Path) -> Facts | None:
    """Of the newest checkpoint in a folder whose facts can be read; its arrays may be damaged. None without any."""
    for path in checkpoints_in(folder):
        try:
            return Facts.from_json((path / FACTS_FILE).read_bytes(), FACTS_FILE)
        except (OSError, StoreIntegrityError):
            continue
    return None
