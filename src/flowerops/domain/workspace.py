"""What a workspace must allow, judged from what it says: roles, quota, clock and cluster. Pure, for `doctor`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from flowerops.domain.doctor import Diagnosis, diagnosis

_ML = "Microsoft.MachineLearningServices/workspaces"
NEEDED_ACTIONS = {
    "run jobs": f"{_ML}/jobs/write",
    "register data": f"{_ML}/data/versions/write",
    "register models": f"{_ML}/models/versions/write",
    "make environments": f"{_ML}/environments/versions/write",
    "deploy to endpoints": f"{_ML}/onlineEndpoints/deployments/write",
}
CLUSTER_ACTION = f"{_ML}/computes/write"
_ROLE = 'the role "AzureML Data Scientist" on the workspace'
_COMPUTE_ROLE = 'the role "AzureML Compute Operator" on the workspace, or somebody who makes the cluster'
SKEW_PROBLEM_S = 240.0
"""Microsoft Entra ID takes tokens up to five minutes off."""
SKEW_NOTE_S = 30.0


@dataclass(frozen=True)
class Permission:
    """What one role assignment allows: patterns of actions, and those taken out again."""

    actions: Sequence[str]
    not_actions: Sequence[str] = ()

    def allows(self, action: str) -> bool:
        """Whether the action matches a pattern, and none of those taken out."""
        return _matches(self.actions, action) and not _matches(self.not_actions, action)


@dataclass(frozen=True)
class Usage:
    """How many virtual processors of a kind are in use, and how many there may be."""

    name: str
    used: int
    limit: int


@dataclass(frozen=True)
class Wish:
    """The cluster of the settings. family: the quota's name for the machines; cores: of one machine."""

    size: str
    family: str
    cores: int
    nodes: int
    low_priority: bool


def _matches(patterns: Iterable[str], action: str) -> bool:
    return any(re.fullmatch(_expression(pattern), action, re.IGNORECASE) for pattern in patterns)


def _expression(pattern: str) -> str:
    """A role's pattern as a regular expression: `a/*/write` means a/write and everything between, too."""
    return re.escape(pattern).replace(r"/\*/", "(?:/.*)?/").replace(r"\*", ".*")


def role_diagnosis(permissions: Sequence[Permission], *, cluster_exists: bool) -> Diagnosis:
    """Whether the caller may do what the commands do.

    Args:
        permissions: One for each role assignment that reaches the workspace.
        cluster_exists: Then nobody has to make one.
    """

    def allowed(action: str) -> bool:
        return any(permission.allows(action) for permission in permissions)

    lacking = [what for what, action in NEEDED_ACTIONS.items() if not allowed(action)]
    if lacking:
        return diagnosis("roles", "problem", f"you may not {', '.join(lacking)}", f"Ask for {_ROLE}.", lacking=lacking)
    if not cluster_exists and not allowed(CLUSTER_ACTION):
        found = "you may do all but make the compute cluster, which does not exist yet"
        return diagnosis("roles", "problem", found, f"Ask for {_COMPUTE_ROLE}; or use --compute serverless.")
    return diagnosis("roles", "ok", f"you may {', '.join(NEEDED_ACTIONS)}")


def quota_diagnosis(usages: Sequence[Usage], wish: Wish) -> Diagnosis:
    """Whether the subscription's quota has room for one machine of the cluster, and for all of them."""
    usage = _usage_of(usages, wish)
    kind = "low-priority" if wish.low_priority else "dedicated"
    if usage is None:
        found = f"no quota is listed for {kind} {wish.size} (family {wish.family})"
        return diagnosis("quota", "note", found, "Look in the portal: Azure Machine Learning, Quotas.")
    free = usage.limit - usage.used
    found = f"{usage.name}: {usage.used} of {usage.limit} vCPUs in use; {wish.size} has {wish.cores}"
    facts: dict[str, Any] = {"used": usage.used, "limit": usage.limit, "cores_of_a_machine": wish.cores}
    ask = "Ask for more quota in the portal, or choose another size (FLOWEROPS_COMPUTE_SIZE)"
    if free < wish.cores:
        return diagnosis("quota", "problem", f"{found}: not even one machine fits", f"{ask}.", **facts)
    if free < wish.cores * wish.nodes:
        fits = free // wish.cores
        return diagnosis("quota", "note", f"{found}: {fits} of {wish.nodes} machines fit", f"{ask}.", **facts)
    return diagnosis("quota", "ok", found, **facts)


def _usage_of(usages: Sequence[Usage], wish: Wish) -> Usage | None:
    """Low-priority machines share one quota; the others have one for each family, whose name it begins with."""
    for usage in usages:
        name = _letters(usage.name)
        if wish.low_priority and "lowpriority" in name:
            return usage
        if not wish.low_priority and name.startswith(_letters(wish.family)) and "lowpriority" not in name:
            return usage
    return None


def _letters(text: str) -> str:
    return "".join(character for character in text.lower() if character.isalnum())


def clock_diagnosis(ahead_s: float) -> Diagnosis:
    """What a clock that is ahead of the server's by so many seconds (behind, when negative) leads to."""
    off = f"{abs(ahead_s):.0f} s {'ahead of' if ahead_s > 0 else 'behind'} Azure's"
    if abs(ahead_s) >= SKEW_PROBLEM_S:
        to_do = "Set the clock (timedatectl set-ntp true): sign-ins and signed addresses are refused when it is off."
        return diagnosis("clock", "problem", f"this machine's clock is {off}", to_do, ahead_s=round(ahead_s))
    if abs(ahead_s) >= SKEW_NOTE_S:
        return diagnosis("clock", "note", f"this machine's clock is {off}", "Let it be set by the network.",
                         ahead_s=round(ahead_s))  # fmt: skip
    return diagnosis("clock", "ok", f"within {SKEW_NOTE_S:.0f} s of Azure's", ahead_s=round(ahead_s))
