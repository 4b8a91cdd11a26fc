"""What is done to model versions besides registering: history, archive, removal, comparison."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from flowerops.domain.names import Selector
from flowerops.errors import BadInputError, ConflictError, UsageError
from flowerops.io.presence import leave
from flowerops.services.archive import archive, remove
from flowerops.services.audit import history
from flowerops.services.catalog import list_models, show_model
from flowerops.services.deploy import DeployRequest, plan
from flowerops.services.model_diff import diff_models
from flowerops.services.promote import promote, rollback
from helpers.both_targets import Registry
from helpers.tiny_bundle import reseal


def take_away(registry: Registry, version: int, reason: str | None = None) -> None:
    leave(registry.place.home / "locks")  # else this process would be a writer that it has to wait for
    remove(registry.place.target, Selector(registry.name, version), reason, lambda: registry.place.caller)


def entries(registry: Registry, version: int | None = None) -> list[tuple[str, str | None, str | None, str | None]]:
    found = history(registry.place.target, Selector(registry.name, version))["entries"]
    return [(one["action"], one["from"], one["to"], one["reason"]) for one in found]


def test_the_history_says_who_moved_the_champion_when_why_from_what_to_what(registry: Registry) -> None:
    target, caller, name = registry.place.target, registry.place.caller, registry.name
    assert entries(registry) == []
    promote(target, Selector(name, 2), "it smells better", caller)
    promote(target, Selector(name, 2), "again", caller)
    rollback(target, name, None, caller)
    promote(target, Selector(name, 2), "it does smell better", caller)
    one, two = f"{name}:1", f"{name}:2"
    assert entries(registry) == [
        ("promote", one, two, "it does smell better"),
        ("rollback", two, one, None),
        ("promote", one, two, "it smells better"),
    ]
    found = history(target, Selector(name))["entries"]
    assert [entry["number"] for entry in found] == [3, 2, 1]
    assert {entry["by"] for entry in found} == {"tester@laptop"}
    assert all(entry["at"].startswith("20") for entry in found)
    assert [entry["number"] for entry in show_model(target, Selector(name, 1))["history"]] == [3, 2, 1]
    with pytest.raises(BadInputError, match="there is no model"):
        history(target, Selector(registry.place.fresh("nobody")))


def test_an_archived_version_is_listed_on_demand_and_is_no_champion(registry: Registry) -> None:
    target, caller, name = registry.place.target, registry.place.caller, registry.name
    with pytest.raises(ConflictError, match="is the champion"):
        archive(target, Selector(name, 1), True, None, caller)
    with pytest.raises(UsageError, match="which version"):
        archive(target, Selector(name), True, None, caller)
    assert archive(target, Selector(name, 2), True, "wrong labels", caller).changed
    assert not archive(target, Selector(name, 2), True, "wrong labels", caller).changed
    assert [one["version"] for one in list_models(target, name, archived=False)] == [1]
    assert [one["archived"] for one in list_models(target, name)] == [True, False]
    assert registry.tags(2)["archived_reason"] == "wrong labels"
    with pytest.raises(ConflictError, match="is archived"):
        promote(target, Selector(name, 2), "all the same", caller)
    with pytest.raises(ConflictError, match="is archived"):
        plan(target, DeployRequest(Selector(name, 2), "flowers"))
    assert archive(target, Selector(name, 2), False, None, caller).changed
    promote(target, Selector(name, 2), "now", caller)
    archive(target, Selector(name, 1), True, None, caller)
    with pytest.raises(BadInputError, match="only champion"):
        rollback(target, name, None, caller)
    assert [entry[0] for entry in entries(registry)] == ["archive", "promote", "unarchive", "archive"]


def test_a_removed_version_leaves_its_number_and_its_history_and_nothing_else(
    registry: Registry, tiny_bundle: Path
) -> None:
    place, target, name = registry.place, registry.place.target, registry.name
    with pytest.raises(ConflictError, match="is the champion and cannot be removed"):
        take_away(registry, 1)
    doomed = target.models.versions(name)[0]
    target.models.open(doomed)
    shared = target.models.register(place.fresh("other"), doomed.bundle, "run-2", {})
    take_away(registry, 2, "a photo had to go")
    assert [one.version for one in target.models.versions(name)] == [1]
    assert target.models.open(shared).is_dir(), "another version has the same bundle"
    with pytest.raises(BadInputError, match="has no version 2"):
        take_away(registry, 2)
    assert entries(registry, 2) == [("remove", "in use", None, "a photo had to go")]
    assert target.models.register(name, tiny_bundle, "run-3", {}).version == 3
    assert [one.champion for one in target.models.versions(name)] == [False, True]


def test_a_removed_bundle_that_nobody_shares_is_gone(registry: Registry, second_bundle: Path, tmp_path: Path) -> None:
    target = registry.place.target
    own = tmp_path / "own"
    shutil.copytree(second_bundle, own)
    (own / "MODEL_CARD.md").write_text(f"# Of {registry.name}\n")
    reseal(own)
    model = target.models.register(registry.name, own, "run-3", {})
    assert target.models.fetch(model).is_dir()
    take_away(registry, 3)
    assert not list(target.models.fetch(model).glob("*")) if target.name == "azureml" else not model.bundle.exists()


def test_two_versions_are_compared_in_all_that_is_recorded(registry: Registry) -> None:
    target, name = registry.place.target, registry.name
    found = diff_models(target, Selector(name, 1), Selector(name, 2))
    assert set(found) == {
        *("before", "after", "same_bundle", "metrics", "classes", "data"),
        *("params", "network", "origin", "environment", "size"),
    }
    assert (found["before"]["version"], found["after"]["version"], found["same_bundle"]) == (1, 2, False)
    assert found["metrics"]["test_accuracy"] == {"before": 0.9, "after": 1.0, "change": pytest.approx(0.1)}
    assert found["classes"] == {"added": [], "removed": [], "kept": ["daisy", "roses"]}
    assert found["data"]["raw"]["same"]
    assert found["origin"]["run"] == ["run-1", "run-2"]
    assert (found["params"], found["network"]) == ({}, {})
    assert found["size"]["served"]["change"] == 0
    assert found["size"]["bundle"]["before"] > found["size"]["served"]["before"] > 1000
    assert diff_models(target, Selector(name, 1), Selector(name, 1))["same_bundle"]
