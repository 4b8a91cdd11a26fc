"""Which features lie in which folder of a cache."""

from __future__ import annotations

import contextlib
from pathlib import Path

from flowerops.domain.documents import Document, digest_of
from flowerops.errors import FlowerOpsError
from flowerops.io.atomic import atomic_write

SPACE_FILE = "space.json"
_FOLDER = "features"


class FeatureSpace(Document):
    """`space.json`: everything besides the photo that decides its features.

    backbone: the network's digest. engine: how it was run. image_size, fit, decoder: how the photo became its square.
    """

    backbone: str
    engine: str
    image_size: int
    fit: str
    decoder: int

    def folder(self, cache_dir: Path) -> Path:
        """The folder of these features, which says what is in it."""
        folder = cache_dir / _FOLDER / digest_of([self.model_dump()])[:32]
        if not (folder / SPACE_FILE).is_file():
            atomic_write(folder / SPACE_FILE, self.to_json())
        return folder


def spaces_in(cache_dir: Path) -> list[tuple[Path, FeatureSpace | None]]:
    """The folders of features, and what is in them; None where a folder does not say."""
    return [(folder, _read(folder)) for folder in sorted((cache_dir / _FOLDER).glob("*")) if folder.is_dir()]


def _read(folder: Path) -> FeatureSpace | None:
    with contextlib.suppress(OSError, FlowerOpsError):
        return FeatureSpace.from_json((folder / SPACE_FILE).read_bytes(), SPACE_FILE)
    return None
