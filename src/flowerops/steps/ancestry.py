"""The lineage of an evaluated model, as far as its bundle tells it."""

from __future__ import annotations

from flowerops.domain.bundle import BundleInfo
from flowerops.domain.lineage import Lineage
from flowerops.domain.verdict import Evaluation


def ancestry(info: BundleInfo, evaluation: Evaluation) -> Lineage:
    """The model, the champion beside it, and the run, the data, the build and the commit behind it.

    A bundle that was trained deterministically does not name its run and its build; they are left out, not invented.
    """
    graph = Lineage()
    model = graph.add("model", f"bundle {evaluation.candidate_digest[:8]}", digest=evaluation.candidate_digest)
    maker = model
    if info.run is not None:
        maker = graph.add("run", info.run.id)
        graph.link(model, maker, "made by")
        graph.link(maker, graph.add("experiment", info.run.experiment), "part of")
    processed = graph.add("dataset", _named(info.processed.name, info.processed.version, info.processed.digest))
    graph.link(maker, processed, "trained on")
    if info.raw is not None:
        raw = graph.add("dataset", _named(info.raw.name, info.raw.version, info.raw.digest))
        if raw != processed:
            graph.link(processed, raw, "made from")
    if info.build is not None:
        build = graph.add("build", info.build.id)
        graph.link(maker, build, "started by")
        maker = build
    if info.code.commit is not None:
        changed = " with changes" if info.code.dirty else ""
        graph.link(maker, graph.add("commit", info.code.commit[:12] + changed), "of")
    if evaluation.champion_digest is not None:
        champion = graph.add("model", f"champion {evaluation.champion_digest[:7]}")
        graph.link(model, champion, "against")
    return graph


def _named(name: str, version: int | None, digest: str) -> str:
    return f"{name}:{version or digest[:12]}"
