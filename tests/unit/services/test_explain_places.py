"""Where the pictures of `explain` go: never over a photo."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowerops.domain.names import Selector
from flowerops.errors import UsageError
from flowerops.services.explain import ExplainRequest, plan


def places(images: list[Path], out: Path) -> list[Path]:
    return [place for _, place in plan(ExplainRequest(Selector("flowers"), images, out))]


def test_photos_of_the_same_name_get_pictures_of_their_own() -> None:
    images = [Path("a/rose.jpg"), Path("b/Rose.jpg"), Path("c/rose-2.png")]
    assert [place.name for place in places(images, Path("out"))] == ["rose.png", "Rose-2.png", "rose-2-2.png"]


@pytest.mark.parametrize("out", ["rose.png", "../photos/rose.png", "."])
def test_a_picture_is_never_written_over_the_photo(tmp_path: Path, out: str) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    photo = photos / "rose.png"
    photo.write_bytes(b"the only one")
    with pytest.raises(UsageError, match="over"):
        places([photo], photos / out)


def test_a_picture_beside_the_photo_is_allowed(tmp_path: Path) -> None:
    assert places([tmp_path / "rose.jpg"], tmp_path) == [tmp_path / "rose.png"]
