"""verify --lineage: follow a model back to its photos, and compute every digest on the way again."""

from __future__ import annotations

from dataclasses import dataclass, field

from flowerops.datasets.checks import run_checks
from flowerops.datasets.rows import read_manifest
from flowerops.datasets.verify import Inspection, Suspect, inspect
from flowerops.domain.bundle import BundleInfo, VersionRef
from flowerops.domain.dataset import VersionManifest
from flowerops.domain.names import Selector
from flowerops.domain.progress import Progress
from flowerops.domain.steps import OUTPUT_MANIFEST, StepManifest
from flowerops.domain.verification import LineageVerification, Problem
from flowerops.errors import FlowerOpsError, StoreIntegrityError
from flowerops.io.hashing import SEAL_FILE
from flowerops.services.bundles import read_bundle
from flowerops.services.lineage_findings import Findings
from flowerops.services.runs import recorded_run
from flowerops.services.selection import find_model
from flowerops.services.step_claims import false_claims
from flowerops.services.verify import bundle_check
from flowerops.targets.protocol import DatasetEntry, ModelVersion, Run, StepOutput, Target


def verify_lineage(target: Target, selector: Selector | None, progress: Progress) -> LineageVerification:
    """Check the chain of one model version, or of all of them.

    Bundle → train step's output → processed version → raw version → photos, and the evaluation beside it. Each dataset
    version is read once, however many models came of it.

    Args:
        target: Where everything is.
        selector: A version, or the champion; None for all models.
        progress: Told of every file, photo and image.

    Raises:
        BadInputError: There is no such model.
    """
    if selector is None:
        models = [model for name in target.models.names() for model in target.models.versions(name)]
    else:
        models = [find_model(target, selector)]
    walk = _Walk(target, progress)
    for model in models:
        walk.follow(model)
    links = list({(link.source, link.relation, link.target): link for link in walk.found.links}.values())
    return LineageVerification(
        checked=walk.found.checked, models=[str(model) for model in models], links=links, problems=walk.found.problems
    )


def refuse_broken(result: LineageVerification) -> None:
    """Fail when a link is broken; one that is missing is no failure.

    Raises:
        StoreIntegrityError: With all links in its details.
    """
    broken = result.having("broken")
    if broken:
        first = broken[0]
        raise StoreIntegrityError(
            f"{len(broken)} broken link{'s' * (len(broken) > 1)} in the lineage; the first: "
            f"{first.source} {first.relation} {first.target}: {first.why}",
            "Restore the files from a backup, or train the model again.",
            result.model_dump(mode="json"),
        )


@dataclass
class _Walk:
    """On the way back from models; found: what was seen so far."""

    target: Target
    progress: Progress
    found: Findings = field(default_factory=Findings)
    _seen: set[str] = field(default_factory=set)
    _files: set[str] = field(default_factory=set)

    def follow(self, model: ModelVersion) -> None:
        """Everything behind one model version."""
        subject = f"model {model}"
        info = self._bundle(subject, model)
        self._run(subject, model, info)
        if info is None:
            return
        self._dataset(subject, "was trained on", info.processed)
        if info.raw is not None and not self._leads_to(info):
            why = "the bundle names other photos than the processed version was made from"
            self.found.say(subject, "names the photos", _ref(info.raw), "broken", why, expected=info.raw.digest)

    # --- the bundle and the steps ---------------------------------------------------------------------------------

    def _bundle(self, subject: str, model: ModelVersion) -> BundleInfo | None:
        bundle = f"bundle {model.digest[:12]}"
        try:
            folder = self.target.models.fetch(model)
            there = (folder / SEAL_FILE).exists()
        except FlowerOpsError as error:
            self.found.say(subject, "has the bundle", bundle, "broken", error.message)
            return None
        if not there and not folder.exists():
            self.found.say(subject, "has the bundle", bundle, "broken", "its folder is gone", expected=model.digest)
            return None
        count, found = run_checks([bundle_check(model, folder)], f"verifying {model}", self.progress)
        self.found.judge(subject, "has the bundle", bundle, count, found, f"{count} files are as they were sealed")
        try:
            return read_bundle(folder)
        except StoreIntegrityError:
            return None  # said already: the seal covers that file

    def _run(self, subject: str, model: ModelVersion, info: BundleInfo | None) -> None:
        run = recorded_run(self.target, model.run_id)
        if run is None:
            self.found.say(
                subject, "came of", f"run {model.run_id or 'unknown'}", "missing", "no such run is recorded here"
            )
            return
        self.found.say(subject, "came of", f"run {run.id}", "ok", f"{run.status.lower()}, {len(run.steps)} steps")
        for step in ("train", "evaluate"):
            name = f"{step} step of run {run.id}"
            output = self._output(run, step)
            if output is None:
                self.found.say(f"run {run.id}", "ran", name, "missing", "its output is not here")
            else:
                self._step(f"run {run.id}", name, step, output, model, info)

    def _step(
        self, run: str, name: str, step: str, output: StepOutput, model: ModelVersion, info: BundleInfo | None
    ) -> None:
        file = output.folder / OUTPUT_MANIFEST
        try:
            manifest = StepManifest.from_json(file.read_bytes(), str(file))
            wrong = list(false_claims(step, output, manifest, model, info))
        except (OSError, StoreIntegrityError) as error:
            said = error.message if isinstance(error, StoreIntegrityError) else f"{file}: {error.strerror}"
            wrong = [Problem(path=str(file), expected="a step's manifest", got=said, of=name)]
        self.found.judge(run, "ran", name, 1, wrong, "its manifest and what it made agree with the model")

    # --- the data -------------------------------------------------------------------------------------------------

    def _dataset(self, source: str, relation: str, ref: VersionRef) -> None:
        entry = self._entry(ref)
        if entry is None:
            self.found.say(
                source, relation, _ref(ref), "missing", "that version is not here any more", expected=ref.digest
            )
            return
        name = f"dataset {entry}"
        self.found.say(source, relation, name, "ok", f"digest {entry.digest[:12]}")
        if entry.digest in self._seen:
            return
        self._seen.add(entry.digest)
        manifest = self._content(name, entry)
        for parent in manifest.parents if manifest else []:
            self._dataset(name, "was made from", parent)

    def _content(self, name: str, entry: DatasetEntry) -> VersionManifest | None:
        """Check a version's rows, photos and images; its manifest, when it can be trusted."""
        folder = self.target.datasets.fetch(entry)
        inspection = inspect(Suspect(str(entry), entry.digest, folder), self.target.datasets.objects(), self._files)
        self.found.judge(name, "has", f"rows of {entry}", 1, inspection.problems, "they give the version's digest")
        manifest = _manifest_of(entry, inspection)
        if manifest is None:
            return None
        count, found = run_checks(inspection.checks, f"verifying {entry}", self.progress)
        what = "photos" if manifest.kind == "raw" else "images"
        self.found.judge(
            name, "holds", f"{what} of {entry}", count, found, f"{manifest.files:,} {what} are as recorded"
        )
        return manifest

    def _entry(self, ref: VersionRef) -> DatasetEntry | None:
        known = self.target.datasets.entries(ref.name)
        return next((one for one in known if one.digest == ref.digest), None)

    def _leads_to(self, info: BundleInfo) -> bool:
        """Whether the processed version was made from the photos that the bundle names; True where nobody can tell."""
        entry = self._entry(info.processed)
        if entry is None or info.raw is None:
            return True
        try:
            parents = read_manifest(entry.folder).parents
        except StoreIntegrityError:
            return True  # said already
        return not parents or info.raw.digest in {parent.digest for parent in parents}

    def _output(self, run: Run, step: str) -> StepOutput | None:
        try:
            output = self.target.runs.output(run, step)
        except FlowerOpsError:
            return None
        return output if output is not None and output.folder.is_dir() else None


def _manifest_of(entry: DatasetEntry, inspection: Inspection) -> VersionManifest | None:
    """The manifest, unless it or its rows are not those of the number: then nothing that it says counts."""
    if not inspection.checks and inspection.problems:
        return None
    try:
        return read_manifest(entry.folder)
    except StoreIntegrityError:
        return None


def _ref(ref: VersionRef) -> str:
    return f"dataset {ref.name}:{ref.version or ref.digest[:12]}"
