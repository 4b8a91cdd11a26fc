"""Public sets of photos that `data fetch` knows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from flowerops.domain.names import did_you_mean
from flowerops.errors import BadInputError
from flowerops.io.download import KnownFile


@dataclass(frozen=True)
class PublicSet:
    """A published archive of class folders. file: its name in the downloads; notice: whom to thank, and the licence."""

    name: str
    archive: KnownFile
    file: str
    dataset: str
    notice: str


TF_FLOWERS = PublicSet(
    name="tf-flowers",
    archive=KnownFile(
        url="https://storage.googleapis.com/download.tensorflow.org/example_images/flower_photos.tgz",
        sha256="4c54ace7911aaffe13a365c34f650e71dd5bf1be0a58b464e5a7183e3e595d9c",
        bytes=228_813_984,
    ),
    file="flower_photos.tgz",
    dataset="flowers",
    notice=(
        "3,670 photographs of daisies, dandelions, roses, sunflowers and tulips, collected by the TensorFlow team.\n"
        "Each is the work of its photographer and licensed under Creative Commons Attribution 2.0\n"
        "(https://creativecommons.org/licenses/by/2.0/). LICENSE.txt names them: credit them for any use.\n"
    ),
)
PUBLIC_SETS = {TF_FLOWERS.name: TF_FLOWERS}


def find_set(name: str, url: str | None = None, sha256: str | None = None, size: int | None = None) -> PublicSet:
    """A set by name; with url, sha256 and size (bytes) of another copy of it when given.

    Raises:
        BadInputError: There is no such set.
    """
    found = PUBLIC_SETS.get(name)
    if found is None:
        raise BadInputError(f"there is no public set {name!r}", did_you_mean(name, PUBLIC_SETS))
    given: dict[str, Any] = {"url": url, "sha256": sha256, "bytes": size}
    changes = {key: value for key, value in given.items() if value is not None}
    return replace(found, archive=replace(found.archive, **changes))
