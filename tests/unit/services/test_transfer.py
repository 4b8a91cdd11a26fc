"""Models from one registry to another: two real homes."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowerops.domain.names import Selector
from flowerops.errors import BadInputError, StoreIntegrityError, UsageError
from flowerops.io.hashing import verify_seal
from flowerops.services.promote import promote
from flowerops.services.transfer import Transferred, TransferRequest, plan, transfer
from flowerops.targets.local.target import LocalTarget
from helpers.registry import CALLER, NAME, add_version, champion, spoil, version


@pytest.fixture
def here(tmp_path: Path) -> LocalTarget:
    return LocalTarget(tmp_path / "here")


@pytest.fixture
def there(tmp_path: Path) -> LocalTarget:
    made = LocalTarget(tmp_path / "there")
    add_version(made, "one", dataset_id="flowers:1", BuildId="41")
    add_version(made, "two", dataset_id="flowers:2", BuildId="42", promotion="pending")
    promote(made, Selector(NAME, 2), "agreed", CALLER)
    return made


def _pull(there: LocalTarget, here: LocalTarget, number: int | None = None, **more) -> Transferred:  # type: ignore[no-untyped-def]
    request = TransferRequest(Selector(NAME, number), "pulled", "azureml/garden", **more)
    return transfer(there, here, request, CALLER)


def test_a_version_arrives_whole_with_its_tags_and_where_it_came_from(there, here):
    done = _pull(there, here, 1)
    assert done.model is not None
    assert (done.model.version, done.existed, done.model.champion) == (1, False, False)
    assert verify_seal(done.model.bundle) == version(there, 1).digest
    assert done.model.bundle != version(there, 1).bundle
    assert done.model.run_id == "run of one"
    tags = done.model.tags
    assert (tags["dataset_id"], tags["BuildId"]) == ("flowers:1", "41")
    assert (tags["pulled_from"], tags["pulled_by"]) == (f"azureml/garden/{NAME}:1", "tester@laptop")


def test_without_a_number_the_champion_is_taken_but_not_its_office(there, here):
    done = _pull(there, here)
    assert done.source.version == 2
    assert champion(here) is None
    assert done.model is not None
    assert not {"champion_term", "promotion"} & set(done.model.tags)


def test_the_same_bundle_is_registered_once(there, here):
    add_version(here, "another")
    first, again = _pull(there, here, 1), _pull(there, here, 1)
    assert first.model is not None
    assert again.model is not None
    assert (first.existed, again.existed) == (False, True)
    assert first.model.version == again.model.version == 2
    assert len(here.models.versions(NAME)) == 2
    back = transfer(here, there, TransferRequest(Selector(NAME, 2), "pushed", "local"), CALLER)
    assert back.existed
    assert back.model is not None
    assert back.model.version == 1


def test_it_becomes_the_champion_only_with_a_reason_and_that_is_recorded(there, here):
    add_version(here, "another")
    promote(here, Selector(NAME, 1), "the first", CALLER)
    for reason in (None, " "):
        with pytest.raises(UsageError, match="--champion needs --reason"):
            _pull(there, here, champion=True, reason=reason)
    assert len(here.models.versions(NAME)) == 1
    done = _pull(there, here, champion=True, reason="what the workspace serves")
    assert done.model is not None
    assert done.model.champion
    assert done.champion_before is not None
    assert done.champion_before.version == 1
    assert champion(here) == done.model.version == 2
    assert version(here, 2).tags["forced_reason"] == "what the workspace serves"


def test_one_that_was_there_already_can_still_become_the_champion(there, here):
    _pull(there, here)
    done = _pull(there, here, champion=True, reason="now")
    assert done.existed
    assert champion(here) == 1


def test_a_plan_says_the_same_and_changes_nothing(there, here):
    request = TransferRequest(Selector(NAME), "pulled", "azureml/garden")
    document = plan(there, here, request).document()
    assert (document["existed"], document["model"]["version"]) == (False, None)
    assert document["model"]["digest"] == version(there, 2).digest
    assert here.models.names() == []
    _pull(there, here)
    assert plan(there, here, request).document()["model"]["version"] == 1


def test_a_damaged_bundle_does_not_travel(there, here):
    spoil(version(there, 1).bundle)
    with pytest.raises(StoreIntegrityError, match=r"model\.txt"):
        _pull(there, here, 1)
    assert here.models.versions(NAME) == []


def test_an_unknown_model_is_refused(there, here):
    with pytest.raises(BadInputError, match="has no version 9"):
        _pull(there, here, 9)
    with pytest.raises(BadInputError, match="there is no model"):
        transfer(here, there, TransferRequest(Selector(NAME), "pushed", "local"), CALLER)
