"""The registry: numbers, the champion, and models that go from one target to another."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from flowerops.domain.bundle import MODEL_CARD_FILE
from flowerops.domain.names import Selector
from flowerops.domain.progress import SilentProgress
from flowerops.errors import BadInputError, StoreIntegrityError, UsageError
from flowerops.io.hashing import SEAL_FILE, sha256_file, verify_seal
from flowerops.services.catalog import list_models, show_model
from flowerops.services.package import PackageRequest, package, plan
from flowerops.services.predict import predict_with_model
from flowerops.services.promote import promote, rollback
from flowerops.services.transfer import TransferRequest, Verb, transfer
from flowerops.services.verify import verify_everything
from helpers.both_targets import Place, Registry, overwrite
from helpers.tiny_bundle import COLOURS, photo

RUN = "run-1"


def digest_of(bundle: Path) -> str:
    return sha256_file(bundle / SEAL_FILE)


def test_versions_are_numbered_from_one_and_newest_first(
    registry: Registry, tiny_bundle: Path, second_bundle: Path
) -> None:
    models = registry.place.target.models
    found = models.versions(registry.name)
    assert [one.version for one in found] == [2, 1]
    assert [one.digest for one in found] == [digest_of(second_bundle), digest_of(tiny_bundle)]
    assert [one.run_id for one in found] == ["run-2", RUN]
    assert [one.champion for one in found] == [False, True]
    assert registry.name in models.names()
    assert models.versions(registry.place.fresh("nobody")) == []


def test_the_catalog_speaks_of_models_in_the_same_words(registry: Registry) -> None:
    target = registry.place.target
    line = {"name", "version", "champion", "archived", "accuracy", "dataset", "run_id", "build_id", "digest", "created"}
    listed = list_models(target, registry.name)
    assert set(listed[0]) == line
    assert [(one["accuracy"], one["build_id"]) for one in listed] == [(None, "4712"), (0.9, "4711")]
    assert set(show_model(target, Selector(registry.name))) == line | {"bundle", "tags", "history"}
    assert show_model(target, Selector(registry.name))["version"] == 1


def test_unknown_models_and_versions_come_with_a_hint(registry: Registry) -> None:
    with pytest.raises(BadInputError, match="there is no model") as caught:
        show_model(registry.place.target, Selector(registry.name[:-1]))
    assert caught.value.hint == f"Did you mean {registry.name!r}?"
    with pytest.raises(BadInputError, match="has no version 7") as caught:
        show_model(registry.place.target, Selector(registry.name, 7))
    assert caught.value.hint == "There are 1, 2."


def test_an_opened_model_is_whole_on_any_machine(registry: Registry, tmp_path: Path) -> None:
    place = registry.place
    elsewhere = place.opened(tmp_path / "home") if place.name == "azureml" else place.target
    model = elsewhere.models.versions(registry.name)[0]
    bundle = elsewhere.models.open(model)
    assert bundle == model.bundle
    assert verify_seal(bundle, model.digest) == model.digest
    (tmp_path / "a.jpg").write_bytes(photo(COLOURS[1]))
    document = predict_with_model(elsewhere, Selector(registry.name, 2), [tmp_path / "a.jpg"])
    assert document["predictions"][0]["label"] == "roses"


def test_a_bundle_that_was_changed_is_not_registered(place: Place, tiny_bundle: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_bundle, tmp_path / "bundle")
    (tmp_path / "bundle/MODEL_CARD.md").write_text("changed")
    name = place.fresh("model")
    with pytest.raises(StoreIntegrityError):
        place.target.models.register(name, tmp_path / "bundle", RUN, {})
    assert place.target.models.versions(name) == []


def test_promotion_and_rollback_move_the_champion_and_say_why(registry: Registry) -> None:
    target, caller = registry.place.target, registry.place.caller
    with pytest.raises(UsageError, match="--reason"):
        promote(target, Selector(registry.name, 2), None, caller)
    promoted = promote(target, Selector(registry.name, 2), "it smells better", caller).document()
    assert set(promoted) == {"model", "before", "changed", "reason"}
    assert (promoted["model"]["version"], promoted["before"]["version"], promoted["changed"]) == (2, 1, True)
    assert registry.champions() == [2]
    assert registry.tags(2)["forced_reason"] == "it smells better"
    assert promote(target, Selector(registry.name, 2), "again", caller).document()["changed"] is False
    back = rollback(target, registry.name, "it does not", caller).document()
    assert (back["model"]["version"], back["before"]["version"]) == (1, 2)
    assert registry.champions() == [1]
    assert registry.tags(2)["rolled_back_reason"] == "it does not"
    with pytest.raises(BadInputError, match="only champion"):
        rollback(target, registry.name, "further", caller)


def test_tags_are_added_to_those_there_are(registry: Registry) -> None:
    registry.place.target.models.tag(registry.name, 2, {"note": "sunny, 20 °C", "BuildId": "4713"})
    tags = registry.tags(2)
    assert (tags["note"], tags["BuildId"]) == ("sunny, 20 °C", "4713")
    assert registry.tags(1)["BuildId"] == "4711"


@pytest.mark.parametrize("verb", ["pushed", "pulled"])
def test_a_model_goes_to_the_other_target_and_stays_the_same(registry: Registry, other: Place, verb: Verb) -> None:
    request = TransferRequest(Selector(registry.name, 2), verb, "there")
    first = transfer(registry.place.target, other.target, request, other.caller).document()
    assert set(first) == {"source", "model", "existed", "champion", "champion_before", "tags"}
    assert (first["existed"], first["champion"], first["model"]["version"]) == (False, False, 1)
    (there,) = other.target.models.versions(registry.name)
    assert there.digest == registry.place.target.models.versions(registry.name)[0].digest
    assert verify_seal(other.target.models.open(there)) == there.digest
    assert there.tags[f"{verb}_from"] == f"there/{registry.name}:2"
    assert (there.run_id, there.tags["BuildId"]) == ("run-2", "4712")
    again = transfer(registry.place.target, other.target, request, other.caller)
    assert (again.existed, len(other.target.models.versions(registry.name))) == (True, 1)
    back = TransferRequest(Selector(registry.name, 1), "pulled", "here", champion=True, reason="home again")
    assert transfer(other.target, registry.place.target, back, other.caller).existed
    assert registry.champions() == [2]


def test_verify_finds_what_was_changed_behind_the_registry(registry: Registry) -> None:
    place, target = registry.place, registry.place.target
    before = verify_everything(target, place.told)
    assert before.problems == []
    assert f"{registry.name}:1" in before.models
    card = target.models.versions(registry.name)[0].bundle / MODEL_CARD_FILE
    kept = card.read_bytes()
    overwrite(place, card, bytes(len(kept)))
    problems = verify_everything(target, place.told).problems
    overwrite(place, card, kept)
    assert [problem.path for problem in problems] == [str(card)]
    assert verify_everything(target, place.told).problems == []


def test_a_model_is_packaged_from_either_target(registry: Registry, tmp_path: Path) -> None:
    target = registry.place.target
    request = PackageRequest(Selector(registry.name, 2), tmp_path / "image")
    planned = plan(target, request)
    assert not request.folder.exists()
    document = package(target, request, SilentProgress())
    assert {name: document[name] for name in planned if name != "replaces"} == {
        name: planned[name] for name in planned if name != "replaces"
    }
    assert verify_seal(request.folder / "bundle", document["model"]["digest"]) == document["model"]["digest"]
    assert registry.name in (request.folder / "Dockerfile").read_text()
