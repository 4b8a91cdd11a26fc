from __future__ import annotations

import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from flowerops.datasets.raw import NewPhotos, RawVersion
from flowerops.datasets.scan import scan_folder
from flowerops.domain.build import BuildInfo, CodeInfo
from flowerops.domain.names import Selector
from flowerops.domain.progress import SilentProgress
from flowerops.domain.steps import StepContext
from flowerops.errors import BadInputError, StoreIntegrityError
from flowerops.targets.local.datasets import LocalDatasets
from flowerops.targets.local.home import Home
from helpers.photos import make_photos

CONTEXT = StepContext(build=BuildInfo(kind="laptop", id="tester"), code=CodeInfo())


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "home")
    home.prepare()
    return home


@pytest.fixture
def store(home: Home) -> LocalDatasets:
    return LocalDatasets(home)


def photos(tmp_path: Path, seed: int) -> Path:
    make_photos(tmp_path / f"photos{seed}", per_class=2, seed=seed)
    return tmp_path / f"photos{seed}"


def take_in(store: LocalDatasets, folder: Path, name: str = "flowers") -> Path:
    return store.take_in(NewPhotos(scan_folder(folder), name), CONTEXT, SilentProgress())


def test_a_version_that_was_taken_in_is_listed_once_it_has_a_number(store, tmp_path):
    folder = take_in(store, photos(tmp_path, 0))
    assert store.all() == []
    version = store.number(folder)
    assert (version.name, version.version, version.folder) == ("flowers", 1, folder)
    assert version.ref.digest == version.manifest.digest
    assert store.all() == store.all("flowers") == [version]
    assert RawVersion(version.folder, store.objects()).rows
    assert version.manifest.provenance.build.id == "tester"


def test_the_same_photos_are_the_same_version(store, tmp_path):
    first = store.number(take_in(store, photos(tmp_path, 0)))
    assert store.number(take_in(store, photos(tmp_path, 0))) == first
    assert len(store.all()) == 1


def test_the_newest_is_the_latest_and_any_can_be_asked_for(store, tmp_path):
    one, two = (store.number(take_in(store, photos(tmp_path, seed))) for seed in (1, 2))
    assert store.all("flowers") == [two, one]
    assert store.find(Selector("flowers")) == two
    assert store.find(Selector("flowers", 1)) == one


def test_an_unknown_name_or_version_says_what_there_is(store, tmp_path):
    with pytest.raises(BadInputError, match="no dataset 'flowers'") as caught:
        store.find(Selector("flowers"))
    assert "preprocess --data-folder" in (caught.value.hint or "")
    for seed in (1, 2):
        store.number(take_in(store, photos(tmp_path, seed)))
    with pytest.raises(BadInputError, match="no dataset 'flwers'") as caught:
        store.find(Selector("flwers"))
    assert caught.value.hint == "Did you mean 'flowers'?"
    with pytest.raises(BadInputError, match="no version 7") as caught:
        store.find(Selector("flowers", 7))
    assert caught.value.hint == "There are 1, 2."


def test_a_folder_made_elsewhere_is_moved_to_its_place(store, home, tmp_path):
    made = take_in(store, photos(tmp_path, 0))
    elsewhere = home.root / "runs" / "r1" / "out"
    elsewhere.parent.mkdir(parents=True)
    made.rename(elsewhere)
    assert store.number(elsewhere).folder == made
    assert not elsewhere.exists()


def test_numbering_the_same_content_from_many_sides_gives_one_version(store, home, tmp_path):
    made = take_in(store, photos(tmp_path, 0))
    copies = [home.root / "runs" / f"r{number}" for number in range(6)]
    for copy in copies:
        shutil.copytree(made, copy)
    shutil.rmtree(made)
    together = threading.Barrier(6)

    def number(copy: Path) -> int:
        together.wait()
        return LocalDatasets(home).number(copy).version

    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(number, copies)) == [1] * 6
    assert [version.folder for version in store.all()] == [made]


def test_a_version_that_lost_its_folder_is_named_when_asked_for(store, tmp_path):
    for seed in (1, 2):
        last = store.number(take_in(store, photos(tmp_path, seed)))
    shutil.rmtree(last.folder)
    for selector in (Selector("flowers"), Selector("flowers", 2)):
        with pytest.raises(StoreIntegrityError, match=str(last.folder)):
            store.find(selector)
    assert store.find(Selector("flowers", 1)).version == 1


def test_deleting_a_damaged_version_and_running_again_restores_it_under_its_number(store, tmp_path):
    """That is what the hint of a damaged version says; the other versions stay in use meanwhile."""
    one, two = (store.number(take_in(store, photos(tmp_path, seed))) for seed in (1, 2))
    shutil.rmtree(one.folder)
    assert store.all("flowers") == [two]
    again = store.number(take_in(store, photos(tmp_path, 1)))
    assert (again.version, again.ref, again.folder) == (1, one.ref, one.folder)
    assert [version.version for version in store.all("flowers")] == [2, 1]


def test_a_damaged_manifest_is_not_passed_over(store, tmp_path):
    version = store.number(take_in(store, photos(tmp_path, 1)))
    (version.folder / "manifest.json").write_text("{")
    with pytest.raises(StoreIntegrityError, match=r"manifest\.json"):
        store.all()
