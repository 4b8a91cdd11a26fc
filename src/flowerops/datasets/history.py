"""What earlier processed versions of a dataset know: the split of every photo they ever had, and whole shards."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from pathlib import Path

from flowerops.datasets.rows import checked_rows, read_manifest
from flowerops.datasets.shard_reader import ShardReader
from flowerops.datasets.shards import DATA_DIR
from flowerops.domain.dataset import PhotoFacts, ShardInfo, Split, VersionManifest
from flowerops.errors import StoreIntegrityError
from flowerops.images import DECODER_VERSION
from flowerops.io.hashing import sha256_file

# Rows are canonical JSON, in which a quote inside of a text is always escaped: this finds members and nothing else.
_ROW = re.compile(rb'"sha256":"([0-9a-f]{64})","split":"(train|val|test)"')


@dataclass(frozen=True)
class EarlierShard:
    """A shard of an earlier version whose bytes are those that were written.

    labels: the classes of its version. split: of all its photos. facts, label_of: what it says of each, by SHA-256.
    """

    path: Path
    info: ShardInfo
    labels: list[str]
    split: Split
    facts: dict[str, PhotoFacts]
    label_of: dict[str, str]


class History:
    """Earlier processed versions, newest first."""

    def __init__(self, folders: Sequence[Path], image_size: int, fit: str) -> None:
        """folders: of the versions. image_size, fit: pixels are of use only where they were made like this."""
        self._versions = [(folder, read_manifest(folder)) for folder in folders]
        self._wanted = {"image_size": image_size, "fit": fit, "decoder_version": DECODER_VERSION}

    def splits(self) -> dict[str, Split]:
        """The split that each photo has, or had in the newest version with it, by SHA-256.

        Raises:
            StoreIntegrityError: A version's rows are damaged: without them photos would move.
        """
        found: dict[str, Split] = {}
        for folder, _ in self._versions:
            for row in _ROW.finditer(checked_rows(folder)):
                found.setdefault(row[1].decode(), row[2].decode())  # type: ignore[arg-type]
        return found

    def known(self) -> set[str]:
        """SHA-256 of the photos that were made into squares of the wanted kind."""
        return {
            row[1].decode()
            for folder, manifest in self._versions
            if self._fits(manifest)
            for row in _ROW.finditer(checked_rows(folder))
        }

    def shards(self, wanted: Set[str]) -> Iterator[EarlierShard]:
        """Shards with wanted photos that no shard before had; damaged ones are no loss, their photos are decoded again.

        Args:
            wanted: SHA-256 of photos.
        """
        missing = set(wanted)
        seen: set[str] = set()
        for folder, manifest in self._versions:
            for info in manifest.shards if self._fits(manifest) else ():
                if missing and info.sha256 not in seen:
                    seen.add(info.sha256)
                    shard = _opened(folder / DATA_DIR / info.file, info, sorted(manifest.classes))
                    if shard is not None and not missing.isdisjoint(shard.facts):
                        missing -= shard.facts.keys()
                        yield shard

    def _fits(self, manifest: VersionManifest) -> bool:
        return {key: manifest.params.get(key) for key in self._wanted} == self._wanted


def _opened(path: Path, info: ShardInfo, labels: list[str]) -> EarlierShard | None:
    try:
        if sha256_file(path) != info.sha256:
            return None
        rows = list(ShardReader([path]).rows())
    except (OSError, StoreIntegrityError):
        return None
    return EarlierShard(
        path=path,
        info=info,
        labels=labels,
        split=rows[0].split,
        facts={row.facts.sha256: row.facts for row in rows},
        label_of={row.facts.sha256: labels[row.label] for row in rows},
    )
