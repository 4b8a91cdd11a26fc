from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from flowerops.datasets.raw import NewPhotos, RawVersion
from flowerops.datasets.scan import scan_folder
from flowerops.domain.dataset import RawFile
from flowerops.domain.names import Selector
from flowerops.domain.progress import SilentProgress
from flowerops.errors import StoreIntegrityError
from flowerops.io.presence import leave
from flowerops.services.collect import collect
from flowerops.services.verify import verify_datasets
from helpers.tiny_store import CONTEXT, TinyStore


@pytest.fixture
def store(tmp_path: Path) -> TinyStore:
    return TinyStore(tmp_path)


def refer(store: TinyStore, photos: Path, base: RawVersion | None = None) -> RawVersion:
    new = NewPhotos(
        scan_folder(photos),
        "flowers",
        base=base.rows if base else (),
        base_places=base.places if base else {},
        reference=True,
    )
    folder = store.target.datasets.take_in(new, CONTEXT, SilentProgress())
    store.target.datasets.number(folder)
    return RawVersion(folder, store.home.objects)


def read_all(version: RawVersion) -> int:
    return sum(len(version.read(row)) for row in version.rows)


def problems(store: TinyStore) -> list[tuple[str, str]]:
    found = verify_datasets(store.target, Selector("flowers"), False, SilentProgress()).problems
    return [(problem.path, problem.got) for problem in found]


def place_of(version: RawVersion, row: RawFile) -> Path:
    return version.places[row.sha256]


def test_nothing_is_copied_and_every_photo_is_read_from_its_place(store):
    version = refer(store, store.photos())
    assert not store.home.objects.exists()
    assert read_all(version) == version.manifest.bytes
    assert all(path.is_absolute() for path in version.places.values())
    assert problems(store) == []


def test_a_reference_is_the_same_version_as_a_copy(store):
    referred = refer(store, store.photos())
    copied = store.target.datasets.number(store.unnumbered(store.root / "photos"))
    assert (copied.version, copied.manifest.digest) == (1, referred.manifest.digest)
    shutil.rmtree(store.root / "photos")
    assert read_all(RawVersion(copied.folder, store.home.objects)) == copied.manifest.bytes
    assert problems(store) == []


def test_a_photo_that_changed_or_went_is_named_at_reading_and_by_verify(store):
    version = refer(store, store.photos())
    changed, gone = version.rows[2], version.rows[20]
    place_of(version, changed).write_bytes(b"edited")
    place_of(version, gone).unlink()
    with pytest.raises(StoreIntegrityError, match="has changed since") as caught:
        version.read(changed)
    assert str(place_of(version, changed)) in caught.value.message
    assert caught.value.exit_code == 5
    with pytest.raises(StoreIntegrityError, match="cannot be read"):
        version.read(gone)
    found = dict(problems(store))
    assert set(found) == {str(place_of(version, changed)), str(place_of(version, gone))}
    assert found[str(place_of(version, gone))] == "missing"


def test_a_folder_that_moved_is_referred_to_anew(store):
    refer(store, store.photos())
    shutil.move(store.root / "photos", store.root / "elsewhere")
    assert len(problems(store)) == 24
    version = refer(store, store.root / "elsewhere")
    assert read_all(version) == version.manifest.bytes
    assert problems(store) == []
    assert len(store.target.datasets.all("flowers")) == 1


def test_a_version_may_have_stored_and_referred_photos(store):
    first = store.target.datasets.number(store.unnumbered(store.photos()))
    grown = refer(store, store.photos("more", seed=4), RawVersion(first.folder, store.home.objects))
    assert len(grown.rows) == 48
    assert len(grown.places) == 24
    assert read_all(grown) == grown.manifest.bytes
    again = refer(store, store.photos("yet more", seed=5), grown)
    assert len(again.places) == 48
    assert read_all(again) == again.manifest.bytes
    assert problems(store) == []


def test_gc_leaves_the_photos_of_others_alone(store):
    version = refer(store, store.photos())
    leave(store.home.locks)
    assert collect(store.target, False, SilentProgress())["items"] == []
    assert read_all(version) == version.manifest.bytes


def test_a_damaged_list_of_places_is_said(store):
    version = refer(store, store.photos())
    (version.folder / "reference.json").write_text(json.dumps({"locations": 3}))
    with pytest.raises(StoreIntegrityError, match=r"reference\.json"):
        RawVersion(version.folder)
    assert len(problems(store)) == 1
