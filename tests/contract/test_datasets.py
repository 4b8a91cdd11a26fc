"""Dataset versions: numbers for contents, the same on every target."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from flowerops.datasets.verify import Suspect, inspect
from flowerops.domain.names import Selector
from flowerops.errors import BadInputError, ConflictError
from flowerops.services import remove as removing
from flowerops.services.catalog import list_datasets, show_dataset
from flowerops.services.preprocess import Prepared
from flowerops.services.verify import verify_datasets
from flowerops.targets.protocol import DatasetVersion, Target
from helpers.both_targets import Place
from helpers.photos import make_photos


@dataclass
class Made:
    """A dataset of two versions: a folder, then that folder and another one."""

    name: str
    folder: Path
    more: Path
    first: Prepared
    second: Prepared


@pytest.fixture(scope="module")
def made(place: Place, tmp_path_factory: pytest.TempPathFactory) -> Made:
    root = tmp_path_factory.mktemp("photos")
    make_photos(root / "photos", per_class=10)
    make_photos(root / "more", classes=("daisy", "tulips"), per_class=10, seed=7)
    name = place.fresh("flowers")
    first = place.prepare(root / "photos", name)
    second = place.prepare(root / "more", name, "extend")
    return Made(name, root / "photos", root / "more", first, second)


def numbers(target: Target, name: str) -> list[int]:
    return [version.version for version in target.datasets.all(name)]


def test_versions_are_numbered_from_one(place: Place, made: Made) -> None:
    assert (made.first.raw.version, made.first.processed.version) == (1, 1)
    assert (made.second.raw.version, made.second.processed.version) == (2, 2)
    assert numbers(place.target, made.name) == [2, 1]
    assert numbers(place.target, f"{made.name}_processed") == [2, 1]


def test_extend_keeps_what_there_was_and_decodes_only_what_is_new(made: Made) -> None:
    assert made.second.raw.manifest.classes == {"daisy": 20, "roses": 10, "tulips": 10}
    assert (made.second.processed.manifest.decoded, made.second.processed.manifest.carried_over) == (20, 20)
    assert made.second.document()["changes"]["classes_added"] == ["tulips"]


def test_the_same_content_keeps_its_number_and_costs_nothing(place: Place, made: Made) -> None:
    again = place.prepare(made.folder, made.name, "replace")
    assert again.reused
    assert (again.raw.ref, again.processed.ref) == (made.first.raw.ref, made.first.processed.ref)
    assert numbers(place.target, made.name) == [2, 1]


def test_the_digests_are_those_of_any_other_target(place: Place, made: Made, tmp_path: Path) -> None:
    here = Place("local", tmp_path / "home")
    first, second = here.prepare(made.folder, made.name), here.prepare(made.more, made.name, "extend")
    for ours, theirs in ((made.first, first), (made.second, second)):
        assert ours.raw.ref == theirs.raw.ref
        assert ours.processed.ref == theirs.processed.ref


def test_losing_a_class_is_refused(place: Place, made: Made) -> None:
    with pytest.raises(BadInputError, match="roses") as caught:
        place.prepare(made.more, made.name)
    assert "--extend" in str(caught.value.hint)
    assert numbers(place.target, made.name) == [2, 1]


def test_a_version_is_found_by_number_and_without_one_it_is_the_latest(place: Place, made: Made) -> None:
    assert place.target.datasets.find(Selector(made.name)).ref == made.second.raw.ref
    assert place.target.datasets.find(Selector(made.name, 1)).ref == made.first.raw.ref


def test_unknown_names_and_numbers_come_with_a_hint(place: Place, made: Made) -> None:
    with pytest.raises(BadInputError, match="there is no dataset") as caught:
        place.target.datasets.find(Selector(made.name[:-1]))
    assert caught.value.hint == f"Did you mean {made.name!r}?"
    with pytest.raises(BadInputError, match="has no version 9") as caught:
        place.target.datasets.find(Selector(made.name, 9))
    assert caught.value.hint == "There are 1, 2."


def whole(target: Target, version: DatasetVersion) -> list[str]:
    """What is wrong with an opened version."""
    folder = target.datasets.open(version)
    assert folder == version.folder
    found = inspect(Suspect(version.name, version.manifest.digest, folder), target.datasets.objects(), set())
    problems = [*found.problems, *(problem for check in found.checks for problem in check.run())]
    return [f"{problem.path}: {problem.got}" for problem in problems]


def test_an_opened_version_has_all_its_files_as_they_were(place: Place, made: Made, tmp_path: Path) -> None:
    elsewhere = place.opened(tmp_path / "home") if place.name == "azureml" else place.target
    for version in (made.first.raw, made.second.raw, made.second.processed):
        found = elsewhere.datasets.find(Selector(version.name, version.version))
        assert found.ref == version.ref
        assert whole(elsewhere, found) == []


def test_verify_finds_nothing_wrong_from_any_machine(place: Place, made: Made, tmp_path: Path) -> None:
    elsewhere = place.opened(tmp_path / "home") if place.name == "azureml" else place.target
    for name in (made.name, f"{made.name}_processed"):
        result = verify_datasets(elsewhere, Selector(name, 1), False, place.told)
        assert result.problems == []
        assert result.checked >= 20


def test_entries_are_all_numbers_newest_first(place: Place, made: Made, tmp_path: Path) -> None:
    elsewhere = place.opened(tmp_path / "home") if place.name == "azureml" else place.target
    found = elsewhere.datasets.entries(made.name)
    assert [(entry.version, entry.digest) for entry in found] == [
        (2, made.second.raw.manifest.digest),
        (1, made.first.raw.manifest.digest),
    ]


def test_a_version_that_another_one_was_made_of_stays(place: Place, made: Made, tmp_path: Path) -> None:
    elsewhere = place.opened(tmp_path / "home") if place.name == "azureml" else place.target
    with pytest.raises(ConflictError, match=f"{made.name}:1 is needed by {made.name}_processed:1"):
        removing.plan(elsewhere, Selector(made.name, 1))


def test_a_removed_version_is_gone_and_its_number_stays_with_its_content(place: Place, tmp_path: Path) -> None:
    name, datasets = place.fresh("short"), place.target.datasets
    make_photos(tmp_path / "photos", per_class=10, seed=901)
    make_photos(tmp_path / "others", per_class=10, seed=902)
    made = datasets.number(place.take_in(tmp_path / "photos", name))
    # Not by `remove` itself, which waits until nobody writes: the process of these tests does.
    removal = removing.plan(place.target, Selector(name, 1))
    datasets.remove(removal.entry)
    assert removal.document()["removed"]["digest"] == made.manifest.digest
    assert (numbers(place.target, name), datasets.entries(name)) == ([], [])
    with pytest.raises(BadInputError):
        datasets.find(Selector(name, 1))
    assert datasets.number(place.take_in(tmp_path / "others", name)).version == 2
    assert datasets.number(place.take_in(tmp_path / "photos", name)).ref == made.ref
    assert numbers(place.target, name) == [2, 1]
    assert whole(place.target, datasets.find(Selector(name, 1))) == []


def test_the_catalog_speaks_of_versions_in_the_same_words(place: Place, made: Made) -> None:
    line = next(one for one in list_datasets(place.target) if one["name"] == made.name)
    assert set(line) == {"name", "version", "kind", "files", "classes", "digest", "created", "synthetic"}
    shown = show_dataset(place.target, Selector(made.name, 1))
    assert shown["classes"] == {"daisy": 10, "roses": 10}
    assert shown["provenance"]["build"]["id"] == "tester@laptop"
    assert set(made.first.document()) == {
        *("raw", "processed", "quarantined", "skipped", "duplicates", "decoded", "carried_over", "reused", "reason"),
        *("changes", "synthetic", "warnings", "unused", "seconds"),
    }
