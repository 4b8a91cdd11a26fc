"""The part of preprocess that costs: decode what is new, carry over what earlier versions have."""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Self

import pyarrow as pa

from flowerops.datasets.processed import ProcessedVersion
from flowerops.datasets.raw import RawVersion
from flowerops.datasets.shards import ShardReader, decode_pixels, encode_pixels
from flowerops.domain.dataset import SPLITS, ProcessedImage, Quarantined, RawFile, Split
from flowerops.domain.params import PreprocessParams
from flowerops.domain.progress import Progress
from flowerops.errors import StoreIntegrityError
from flowerops.images import DECODER_VERSION, Fingerprint, ImageRejectedError, prepare_image
from flowerops.io.hashing import sha256_bytes

_IN_FLIGHT = 64
"""Photos submitted ahead of the writer; bounds the memory."""


@dataclass(frozen=True)
class DecodedPhoto:
    """A usable photo's facts; its pixels are in the spool. width, height: of the upright original, in pixels."""

    row: RawFile
    fingerprint: Fingerprint
    width: int
    height: int
    pixels_sha256: str
    carried_over: bool

    def as_row(self, split: Split) -> ProcessedImage:
        """The manifest row."""
        red, green, blue = self.fingerprint.mean_rgb
        return ProcessedImage(
            dhash=f"{self.fingerprint.dhash:016x}",
            height=self.height,
            label=self.row.label,
            mean_rgb=f"{red:02x}{green:02x}{blue:02x}",
            path=self.row.path,
            pixels_sha256=self.pixels_sha256,
            sha256=self.row.sha256,
            split=split,
            width=self.width,
        )


class Spool:
    """Compressed images on disk between decoding and writing, because the split is known only after the last photo."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._places: dict[str, tuple[int, int, int]] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        self._stream = self._path.open("w+b")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stream.close()
        self._path.unlink(missing_ok=True)

    def write(self, sha256: str, image: bytes) -> None:
        """Keep an image's BMP bytes."""
        packed = pa.compress(image, codec="lz4", asbytes=True)
        with self._lock:
            self._places[sha256] = (self._stream.seek(0, 2), len(packed), len(image))
            self._stream.write(packed)

    def read(self, sha256: str) -> bytes:
        """The BMP bytes again."""
        offset, length, size = self._places[sha256]
        with self._lock:
            self._stream.seek(offset)
            packed = self._stream.read(length)
        return bytes(pa.decompress(packed, decompressed_size=size, codec="lz4", asbytes=True))


class Earlier:
    """What earlier processed versions of the same dataset know: splits by photo, and pixels where the geometry fits."""

    def __init__(self, folders: Sequence[Path], image_size: int, fit: str) -> None:
        self.splits: dict[str, Split] = {}
        self._images: dict[str, tuple[ProcessedImage, ShardReader, int]] = {}
        self._lock = threading.Lock()
        for folder in folders:
            version = ProcessedVersion(folder)
            for row in version.rows:
                self.splits.setdefault(row.sha256, row.split)
            wanted = {"image_size": image_size, "fit": fit, "decoder_version": DECODER_VERSION}
            if {key: version.manifest.params.get(key) for key in wanted} == wanted:
                self._index(folder, {row.sha256: row for row in version.rows})

    def _index(self, folder: Path, rows: dict[str, ProcessedImage]) -> None:
        for split in SPLITS:
            # Damaged shards are no loss: what is not found here is decoded again from the photos.
            with contextlib.suppress(StoreIntegrityError):
                reader = ShardReader(folder, split, cached_groups=2)  # rows are asked for in the order of the shards
                for index, sha256 in enumerate(reader.sha256s()):
                    if sha256 in rows:
                        self._images.setdefault(sha256, (rows[sha256], reader, index))

    def find(self, sha256: str) -> tuple[ProcessedImage, bytes] | None:
        """The row and BMP bytes of a photo that was decoded before.

        Raises:
            StoreIntegrityError: The shard is damaged.
        """
        found = self._images.get(sha256)
        if found is None:
            return None
        row, reader, index = found
        with self._lock:
            return row, reader.image(index)


class PhotoDecoder:
    """Decodes rows on all threads (Pillow lets go of the interpreter lock), in order, within bounded memory."""

    def __init__(self, raw: RawVersion, earlier: Earlier, params: PreprocessParams, spool: Spool) -> None:
        self._raw = raw
        self._earlier = earlier
        self._params = params
        self._spool = spool

    def run(
        self, rows: Sequence[RawFile], pool: ThreadPoolExecutor, progress: Progress
    ) -> tuple[list[DecodedPhoto], list[Quarantined]]:
        """Decode every row; give the usable photos, and the rest with reasons."""
        decoded: list[DecodedPhoto] = []
        rejected: list[Quarantined] = []
        with progress.task("decoding", len(rows), "photo") as task:
            for result in self._in_order(rows, pool):
                if isinstance(result, DecodedPhoto):
                    decoded.append(result)
                else:
                    rejected.append(result)
                task.advance()
        return decoded, rejected

    def _in_order(self, rows: Sequence[RawFile], pool: ThreadPoolExecutor) -> Iterator[DecodedPhoto | Quarantined]:
        source = iter(rows)
        waiting = deque(pool.submit(self._attempt, row) for row in islice(source, _IN_FLIGHT))
        while waiting:
            yield waiting.popleft().result()
            waiting.extend(pool.submit(self._attempt, row) for row in islice(source, 1))

    def _attempt(self, row: RawFile) -> DecodedPhoto | Quarantined:
        try:
            return self._carried_over(row) or self._decoded(row)
        except ImageRejectedError as error:
            return Quarantined(path=row.path, reason=error.reason)

    def _carried_over(self, row: RawFile) -> DecodedPhoto | None:
        """The photo from an earlier version; None when it is new, or damaged there and decoded again."""
        try:
            found = self._earlier.find(row.sha256)
            if found is None or sha256_bytes(decode_pixels(found[1]).tobytes()) != found[0].pixels_sha256:
                return None
        except StoreIntegrityError:
            return None
        before, image = found
        self._spool.write(row.sha256, image)
        red, green, blue = bytes.fromhex(before.mean_rgb)
        print_ = Fingerprint(int(before.dhash, 16), (red, green, blue))
        return DecodedPhoto(row, print_, before.width, before.height, before.pixels_sha256, carried_over=True)

    def _decoded(self, row: RawFile) -> DecodedPhoto:
        prepared = prepare_image(self._raw.read(row), self._params.image_size, self._params.fit)
        self._spool.write(row.sha256, encode_pixels(prepared.pixels))
        digest = sha256_bytes(prepared.pixels.tobytes())
        return DecodedPhoto(row, prepared.fingerprint(), prepared.width, prepared.height, digest, carried_over=False)
