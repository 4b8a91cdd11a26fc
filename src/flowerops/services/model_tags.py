"""The tags of a registered version: they stay with it, whatever becomes of its run."""

from __future__ import annotations

from collections.abc import Sequence

from flowerops.domain.bundle import BundleInfo, VersionRef
from flowerops.domain.documents import digest_of
from flowerops.domain.gate import Decision
from flowerops.domain.params import GatePolicy, RegisterParams
from flowerops.domain.verdict import Evaluation
from flowerops.io.surroundings import now
from flowerops.services.pipeline import Caller
from flowerops.targets.protocol import Run

_LONGEST_TAG = 256


def tags_of(
    info: BundleInfo, evaluation: Evaluation, decision: Decision, run: Run, numbered: Sequence[VersionRef]
) -> dict[str, str]:
    """Where a version comes from, what was measured of it, and what the gate said.

    Args:
        info: Its bundle.
        evaluation, decision: What evaluate found and the gate made of it.
        run: The run that made it.
        numbered: Dataset versions that got their numbers after the bundle was sealed.
    """
    tags = {
        "experiment_name": run.experiment,
        "run_type": run.tags.get("run_type", ""),
        "run_id": run.id,
        "processed_id": _named(info.processed, numbered),
        "processed_digest": info.processed.digest,
        "outcome": decision.outcome,
        "synthetic": str(info.synthetic).lower(),
        "classes": ",".join(info.labels),
        "backbone": info.backbone.name,
    }
    if info.raw is not None:
        tags |= {"dataset_id": _named(info.raw, numbered), "dataset_digest": info.raw.digest}
    return tags | {f"test_{name}": f"{value:.6f}" for name, value in evaluation.metrics.summary().items()}


def _named(ref: VersionRef, numbered: Sequence[VersionRef]) -> str:
    """`NAME:NUMBER`; a bundle from a pipeline that began with plain photos knows the digest only."""
    number = ref.version or next((found.version for found in numbered if found.digest == ref.digest), None)
    return f"{ref.name}:{number}" if number else ref.name


def policy_tag(policy: GatePolicy) -> str:
    """A policy as the text of a tag: the thresholds that are not the defaults, or their digest where they are many."""
    text = policy.model_dump_json(exclude_defaults=True)
    if text == "{}":
        return "defaults"
    return text if len(text) <= _LONGEST_TAG else f"sha256:{digest_of(policy.model_dump(mode='json'))}"


def force_tags(params: RegisterParams, caller: Caller) -> dict[str, str]:
    """Who went past the gate, when and why; empty for those who did not."""
    if not params.force:
        return {}
    return {"forced_reason": params.reason or "", "forced_by": caller.build.id, "forced_at": now()}
