"""What a processed version depends on: when nothing of it changed, nothing has to be computed."""

from __future__ import annotations

from typing import Any

from flowerops.datasets.split import SPLITTER_VERSION
from flowerops.domain.dataset import VersionManifest
from flowerops.domain.documents import digest_of
from flowerops.domain.params import PreprocessParams
from flowerops.images import DECODER_VERSION


def decisive(params: PreprocessParams) -> dict[str, Any]:
    """The parameters that decide about the result."""
    return params.model_dump(exclude={"workers", "max_bad"})


def recipe_of(raw: VersionManifest, params: PreprocessParams) -> str:
    """Digest of the photos, the parameters, and the ways to decode and to split."""
    return digest_of(
        {"raw": raw.digest, "params": decisive(params), "decoder": DECODER_VERSION, "splitter": SPLITTER_VERSION}
    )
