"""data verify and verify: compare what is stored with what was written, and name everything that differs."""

from __future__ import annotations

from pathlib import Path

from flowerops.datasets.checks import Check, run_checks
from flowerops.datasets.verify import Suspect, file_digest, inspect
from flowerops.domain.names import Selector
from flowerops.domain.progress import Progress
from flowerops.domain.verification import Problem, Verification
from flowerops.errors import FlowerOpsError, StoreIntegrityError
from flowerops.io.hashing import SEAL_FILE, seal_problems
from flowerops.services.versions import find_entry
from flowerops.targets.protocol import DatasetEntry, ModelVersion, Target


def verify_datasets(target: Target, selector: Selector | None, every: bool, progress: Progress) -> Verification:
    """Verify dataset versions.

    Args:
        target: Where they are.
        selector: One version, the latest of a dataset without a number; None for all there are.
        every: All versions of the selected dataset.
        progress: Told of every photo and image.

    Raises:
        BadInputError: There is no such version.
    """
    if selector is None:
        entries = target.datasets.entries()
    elif every:
        find_entry(target, selector)
        entries = target.datasets.entries(selector.name)
    else:
        entries = [find_entry(target, selector)]
    return _verify_entries(target, entries, progress)


def verify_everything(target: Target, progress: Progress) -> Verification:
    """Verify the ledgers, all dataset versions and all model bundles, and list what killed processes left behind."""
    problems = target.storage.problems()
    datasets = Verification(checked=0, problems=[], versions=[])
    models: list[ModelVersion] = []
    try:
        datasets = _verify_entries(target, target.datasets.entries(), progress)
        if target.storage.tracked():
            models = [model for name in target.models.names() for model in target.models.versions(name)]
    except StoreIntegrityError as error:
        if not problems:  # else the ledger's own check has said it already
            problems.append(Problem(path="", expected="a readable ledger", got=error.message, of="the ledger"))
    bundles = [bundle_check(model, target.models.fetch(model)) for model in distinct(models)]
    count, found = run_checks(bundles, "verifying models", progress)
    return Verification(
        checked=datasets.checked + count,
        problems=[*problems, *datasets.problems, *found],
        versions=datasets.versions,
        models=[str(model) for model in models],
        leftovers=[str(path) for path in target.storage.leftovers()],
    )


def refuse_problems(result: Verification) -> None:
    """Fail when anything differs.

    Raises:
        StoreIntegrityError: With `checked` and all problems in its details.
    """
    if result.problems:
        first = result.problems[0]
        count = len(result.problems)
        raise StoreIntegrityError(
            f"{count:,} problem{'s' * (count > 1)} in {result.checked:,} checked items; the first: "
            f"{first.path or first.of}: {first.got}",
            "Restore the files from a backup; or take the version away (flowerops data rm) and make it again.",
            result.model_dump(mode="json"),
        )


def _verify_entries(target: Target, entries: list[DatasetEntry], progress: Progress) -> Verification:
    problems: list[Problem] = []
    checks: list[Check] = []
    seen: set[str] = set()
    for entry in entries:
        suspect = Suspect(str(entry), entry.digest, target.datasets.fetch(entry))
        inspection = inspect(suspect, target.datasets.objects(), seen)
        problems += inspection.problems
        checks += inspection.checks
    count, found = run_checks(checks, "verifying", progress)
    return Verification(checked=count, problems=[*problems, *found], versions=[str(entry) for entry in entries])


def distinct(models: list[ModelVersion]) -> list[ModelVersion]:
    """One model version a bundle."""
    return list({model.digest: model for model in reversed(models)}.values())


def bundle_check(model: ModelVersion, bundle: Path) -> Check:
    """Compare a bundle's folder with its seal, and the seal with the digest that was registered."""

    def run() -> list[Problem]:
        named = str(model)
        got = file_digest(bundle / SEAL_FILE)
        if got != model.digest:
            return [Problem(path=str(bundle / SEAL_FILE), expected=model.digest, got=got, of=named)]
        try:
            found = seal_problems(bundle)
        except (OSError, FlowerOpsError) as error:
            return [Problem(path=str(bundle), expected="a readable bundle", got=str(error), of=named)]
        return [
            Problem(path=str(bundle / one["path"]), expected=one["expected"], got=one["got"], of=named) for one in found
        ]

    return Check(sum(1 for path in bundle.rglob("*") if path.is_file()), run)
