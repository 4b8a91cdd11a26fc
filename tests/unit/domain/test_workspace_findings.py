"""Roles, quota and clock of a workspace, judged from what it says."""

from __future__ import annotations

from dataclasses import replace

import pytest

from flowerops.domain.workspace import (
    Permission,
    Usage,
    Wish,
    clock_diagnosis,
    quota_diagnosis,
    role_diagnosis,
)

WS = "Microsoft.MachineLearningServices/workspaces"
SCIENTIST = Permission(
    [f"{WS}/*/read", f"{WS}/*/action", f"{WS}/*/delete", f"{WS}/*/write"],
    [f"{WS}/delete", f"{WS}/write", f"{WS}/computes/*/write", f"{WS}/computes/*/delete"],
)
OPERATOR = Permission([f"{WS}/computes/*"])
WISH = Wish("Standard_DS3_v2", "standardDSv2Family", cores=4, nodes=2, low_priority=False)
FAMILY = "Standard DSv2 Family Cluster Dedicated vCPUs"


@pytest.mark.parametrize(
    ("permissions", "cluster_exists", "verdict"),
    [
        ([SCIENTIST], True, "ok"),
        ([SCIENTIST], False, "problem"),
        ([SCIENTIST, OPERATOR], False, "ok"),
        ([Permission(["*"])], False, "ok"),
        ([Permission(["*/read"])], True, "problem"),
        ([Permission(["*"], [f"{WS}/*"])], True, "problem"),
        ([], True, "problem"),
    ],
)
def test_roles(permissions: list[Permission], cluster_exists: bool, verdict: str) -> None:
    finding = role_diagnosis(permissions, cluster_exists=cluster_exists).finding
    assert finding.verdict == verdict
    assert (finding.to_do is None) == (verdict == "ok")


def test_what_one_role_takes_out_another_may_give() -> None:
    assert not SCIENTIST.allows(f"{WS}/computes/write")
    assert OPERATOR.allows(f"{WS}/computes/write")
    assert SCIENTIST.allows(f"{WS.upper()}/jobs/write")


@pytest.mark.parametrize(
    ("limit", "used", "verdict"), [(24, 0, "ok"), (8, 0, "ok"), (7, 0, "note"), (24, 18, "note"), (3, 0, "problem")]
)
def test_quota_of_a_family(limit: int, used: int, verdict: str) -> None:
    usages = [Usage("Total Cluster Dedicated Regional vCPUs", 0, 100), Usage(FAMILY, used, limit)]
    assert quota_diagnosis(usages, WISH).finding.verdict == verdict


def test_low_priority_machines_share_a_quota_of_their_own() -> None:
    usages = [Usage(FAMILY, 0, 0), Usage("Total Cluster LowPriority Regional vCPUs", 0, 100)]
    assert quota_diagnosis(usages, replace(WISH, low_priority=True)).finding.verdict == "ok"
    assert quota_diagnosis(usages[:1], replace(WISH, low_priority=True)).finding.verdict == "note"


def test_a_longer_family_name_is_another_family() -> None:
    usages = [Usage("Standard DSv2Promo Family Cluster Dedicated vCPUs", 0, 100)]
    assert quota_diagnosis(usages, WISH).finding.verdict == "note"


@pytest.mark.parametrize(
    ("ahead", "verdict", "said"),
    [(0.4, "ok", "within"), (-29, "ok", "within"), (45, "note", "ahead of"), (-300, "problem", "300 s behind")],
)
def test_clock(ahead: float, verdict: str, said: str) -> None:
    finding = clock_diagnosis(ahead).finding
    assert finding.verdict == verdict
    assert said in finding.found
