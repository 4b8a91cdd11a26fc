"""lineage: which run, steps, data and build made a model."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from flowerops.domain.build import BuildInfo, CodeInfo
from flowerops.domain.bundle import BundleInfo, VersionRef
from flowerops.domain.dataset import Provenance
from flowerops.domain.lineage import Lineage
from flowerops.domain.names import Selector
from flowerops.services.bundles import read_bundle
from flowerops.services.runs import recorded_run
from flowerops.services.selection import find_model
from flowerops.services.versions import with_digest
from flowerops.targets.protocol import ModelVersion, Run, Target


@dataclass(frozen=True)
class ModelLineage:
    """A model version and the graph that ends in it."""

    model: ModelVersion
    graph: Lineage
    root: str

    def document(self) -> dict[str, Any]:
        """The result's JSON members."""
        model = self.model.ref.model_dump()
        return {"model": model, "root": self.root, **self.graph.document()}


def lineage_of(target: Target, selector: Selector) -> ModelLineage:
    """Follow a model back to its photos and its build.

    A link that is not recorded or not here any more is shown as missing.

    Raises:
        BadInputError: There is no such model.
    """
    model = find_model(target, selector)
    return trace(target, model, read_bundle(model.bundle))


def trace(target: Target, model: ModelVersion, info: BundleInfo) -> ModelLineage:
    """The lineage of a model whose bundle was read."""
    graph = Lineage()
    root = graph.add(
        "model",
        str(model),
        digest=model.digest,
        champion=model.champion,
        run_id=model.run_id,
        classes=info.labels,
        accuracy=_number(model.tags.get("test_accuracy")),
        forced_reason=model.tags.get("forced_reason"),
    )
    _add_run(graph, root, target, model, info)
    return ModelLineage(model, graph, root)


def _add_run(graph: Lineage, root: str, target: Target, model: ModelVersion, info: BundleInfo) -> None:
    tracked = info.run.experiment if info.run else model.tags.get("experiment_name")
    experiment = graph.add("experiment", tracked or "unknown", missing=tracked is None)
    graph.link(root, experiment, "tracked in")
    run = recorded_run(target, model.run_id)
    if run is None:
        name = model.run_id or (info.run.id if info.run else "unknown")
        run_node = graph.add("run", name, missing=True)
    else:
        run_node = graph.add("run", run.id, status=run.status, run_type=run.tags.get("run_type"))
    graph.link(experiment, run_node, "has the run")
    processed = _add_dataset(graph, target, info.processed)
    for step in run.steps if run else []:
        if not _concerns(step, model):
            continue
        node = graph.add(
            "step",
            f"{step.name} {step.id[:8]}",
            run_id=step.id,
            status=step.status,
            seconds=_seconds(step),
            ended=_moment(step.ended_ms),
        )
        graph.link(run_node, node, "ran")
        if step.name in ("train", "evaluate"):
            graph.link(node, processed, "read")
        elif step.name == "preprocess":
            graph.link(node, processed, "made")
    _add_build(graph, run_node, *origin_of(model, info))


def _concerns(step: Run, model: ModelVersion) -> bool:
    """A run can be registered under several names, each time by a step of its own."""
    return step.name != "register" or step.tags.get("model", model.name).partition(":")[0] == model.name


def _add_dataset(graph: Lineage, target: Target, ref: VersionRef) -> str:
    """Add a version, what it was made from, and the run that made it."""
    found = with_digest(target, ref.name, ref.digest)
    if found is None:
        return graph.add("dataset", f"{ref.name}:{ref.version or ref.digest[:12]}", digest=ref.digest, missing=True)
    manifest = found.manifest
    node = graph.add(
        "dataset",
        str(found),
        digest=manifest.digest,
        data=manifest.kind,
        files=manifest.files,
        classes=manifest.classes,
        synthetic=manifest.synthetic or None,
        made_by_run=_run_of(manifest.provenance),
    )
    for parent in manifest.parents:
        graph.link(node, _add_dataset(graph, target, parent), "made from")
    return node


def origin_of(model: ModelVersion, info: BundleInfo) -> tuple[BuildInfo, CodeInfo]:
    """The build and the code behind a model: the bundle says so, or the version's tags do after a deterministic one."""
    if info.build is not None:
        return info.build, info.code
    tags = model.tags
    build = BuildInfo(
        kind=tags.get("build_kind", "unknown"), id=tags.get("BuildId", "unknown"), uri=tags.get("BuildUri") or None
    )
    return build, CodeInfo(commit=tags.get("git_commit") or None, dirty=tags.get("git_dirty") == "true")


def _add_build(graph: Lineage, run_node: str, build: BuildInfo, code: CodeInfo) -> None:
    node = graph.add("build", build.id, system=build.kind, uri=build.uri)
    graph.link(run_node, node, "started by")
    if code.commit:
        dirty = f" with changes {code.diff_digest[:12]}" if code.dirty and code.diff_digest else ""
        commit = graph.add("commit", code.commit[:12] + dirty, commit=code.commit, dirty=code.dirty)
        graph.link(node, commit, "of")


def _run_of(provenance: Provenance) -> str | None:
    return provenance.run.id if provenance.run else None


def _seconds(run: Run) -> float | None:
    return round((run.ended_ms - run.started_ms) / 1000, 1) if run.ended_ms else None


def _moment(milliseconds: int | None) -> str | None:
    """ISO 8601, UTC."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="milliseconds") if milliseconds else None


def _number(text: str | None) -> float | None:
    return round(float(text), 4) if text else None
