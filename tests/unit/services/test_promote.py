"""Promotions by hand and rollbacks, on a real registry."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowerops.domain.names import Selector
from flowerops.errors import BadInputError, StoreIntegrityError, UsageError
from flowerops.services.promote import plan_promotion, plan_rollback, promote, rollback
from flowerops.targets.local.target import LocalTarget
from helpers.registry import CALLER, NAME, add_version, champion, spoil, version


@pytest.fixture
def target(tmp_path: Path) -> LocalTarget:
    made = LocalTarget(tmp_path / "home")
    for content in ("one", "two", "three"):
        add_version(made, content)
    return made


def _promote(target: LocalTarget, number: int, reason: str | None = "agreed") -> bool:
    return promote(target, Selector(NAME, number), reason, CALLER).changed


def test_a_promotion_moves_the_champion_and_records_who_when_and_why(target):
    assert champion(target) is None
    change = promote(target, Selector(NAME, 2), "better on tulips", CALLER)
    assert (change.champion.version, change.before, change.changed) == (2, None, True)
    assert champion(target) == 2
    tags = version(target, 2).tags
    assert (tags["forced_reason"], tags["forced_by"]) == ("better on tulips", "tester@laptop")
    assert tags["forced_at"].startswith("20")
    assert tags["champion_term"] == "1"


def test_promoting_the_champion_changes_nothing(target):
    assert _promote(target, 1)
    assert not _promote(target, 1, "again")
    assert version(target, 1).tags["forced_reason"] == "agreed"
    assert version(target, 1).tags["champion_term"] == "1"


def test_a_promotion_needs_a_number_and_a_reason_and_a_version_that_is_there(target):
    with pytest.raises(UsageError, match="which version"):
        promote(target, Selector(NAME), "agreed", CALLER)
    for reason in (None, "", "  "):
        with pytest.raises(UsageError, match="needs --reason"):
            _promote(target, 1, reason)
    with pytest.raises(BadInputError, match="has no version 9"):
        _promote(target, 9)
    assert champion(target) is None


def test_plans_change_nothing(target):
    _promote(target, 1)
    _promote(target, 2)
    before = [dict(one.tags) for one in target.models.versions(NAME)]
    assert plan_promotion(target, Selector(NAME, 3), "x").document() == {
        "model": {"name": NAME, "version": 3, "digest": version(target, 3).digest},
        "before": {"name": NAME, "version": 2, "digest": version(target, 2).digest},
        "changed": True,
        "reason": "x",
    }
    assert plan_rollback(target, NAME).champion.version == 1
    assert [dict(one.tags) for one in target.models.versions(NAME)] == before
    assert champion(target) == 2


def test_a_damaged_bundle_is_not_promoted(target):
    spoil(version(target, 1).bundle)
    with pytest.raises(StoreIntegrityError, match=r"model\.txt"):
        _promote(target, 1)
    assert champion(target) is None
    assert "forced_reason" not in version(target, 1).tags


def test_rollbacks_go_back_one_by_one_and_never_to_one_that_was_rolled_back(target):
    for number in (1, 2, 3):
        _promote(target, number)
    rollback(target, NAME, "wrong on roses", CALLER)
    assert champion(target) == 2
    tags = version(target, 3).tags
    assert (tags["rolled_back_reason"], tags["rolled_back_by"]) == ("wrong on roses", "tester@laptop")
    assert tags["champion_term"] == "0"
    rollback(target, NAME, None, CALLER)
    assert champion(target) == 1
    with pytest.raises(BadInputError, match=f"{NAME}:1 is the only champion so far"):
        rollback(target, NAME, None, CALLER)


def test_one_that_was_rolled_back_can_be_promoted_again(target):
    for number in (1, 2):
        _promote(target, number)
    rollback(target, NAME, None, CALLER)
    assert _promote(target, 2)
    assert champion(target) == 2
    assert plan_rollback(target, NAME).champion.version == 1


def test_the_highest_term_is_always_the_champions(target):
    def highest() -> int:
        return max(target.models.versions(NAME), key=lambda one: int(one.tags.get("champion_term", "0"))).version

    for number in (2, 1, 3, 1):
        _promote(target, number)
        assert highest() == number == champion(target)
    rollback(target, NAME, None, CALLER)
    assert highest() == champion(target) == 3


def test_a_rollback_that_was_cut_off_is_completed_by_the_next(target):
    for number in (1, 2, 3):
        _promote(target, number)
    target.models.tag(NAME, 3, {"champion_term": "0"})  # and then the power went
    assert champion(target) == 3
    rollback(target, NAME, None, CALLER)
    assert champion(target) == 2


def test_a_champion_from_before_there_were_terms_can_be_rolled_back_to(target):
    target._ledger.set_champion(NAME, 1)
    _promote(target, 2)
    rollback(target, NAME, None, CALLER)
    assert champion(target) == 1


def test_no_model_and_no_champion_are_said(target):
    with pytest.raises(BadInputError, match="there is no model 'nobody'"):
        rollback(target, "nobody", None, CALLER)
    with pytest.raises(BadInputError, match="has no champion"):
        rollback(target, NAME, None, CALLER)


def test_a_damaged_bundle_is_not_rolled_back_to(target):
    for number in (1, 2):
        _promote(target, number)
    spoil(version(target, 1).bundle)
    with pytest.raises(StoreIntegrityError):
        rollback(target, NAME, None, CALLER)
    assert champion(target) == 2
    assert version(target, 2).tags["champion_term"] == "2"
