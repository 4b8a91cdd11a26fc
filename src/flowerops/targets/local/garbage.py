"""What in a home nobody needs any more. Whatever cannot be told for certain stays."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from flowerops.datasets.raw import version_folder
from flowerops.datasets.rows import read_manifest, read_rows
from flowerops.domain.dataset import ProcessedImage, RawFile
from flowerops.errors import BadInputError, StoreIntegrityError
from flowerops.io.atomic import TEMP_PREFIX
from flowerops.io.discard import size_of
from flowerops.targets.local.checkpoints import unused_checkpoints
from flowerops.targets.local.feature_garbage import Wanted, unused_features
from flowerops.targets.local.home import Home
from flowerops.targets.local.numbers import Numbers
from flowerops.targets.local.runs import OUTPUT_TAG
from flowerops.targets.protocol import Garbage, Run, RunStore

_ENDED_BADLY = {"FAILED", "KILLED"}
_WITH_LEFTOVERS = ("", "objects/*/", "datasets/*/", "runs/*/", "bundles/", "cache/**/", "tmp/", "downloads/")
"""Where commands that announce themselves leave temporary names; endpoints and locks look after their own."""


def find_leftovers(home: Home) -> list[Path]:
    """Temporary files and folders; they are of dead processes when no writer lives."""
    found = {path for place in _WITH_LEFTOVERS for path in home.root.glob(f"{place}{TEMP_PREFIX}*")}
    return sorted(path for path in found if not any(parent in found for parent in path.parents))


def find_garbage(home: Home, runs: RunStore | None) -> list[Garbage]:
    """Everything to remove; ask only while no writer lives.

    Args:
        home: The home.
        runs: The ledger of runs, or None when there is none yet.

    Raises:
        StoreIntegrityError: A version is damaged or missing, so nobody can say which photos it needs.
    """
    orphans = _orphans(home)
    raw, wanted = _needed(home, {orphan.path for orphan in orphans})
    return [
        *(_garbage("leftover", path, "left behind by a process that was killed") for path in find_leftovers(home)),
        *orphans,
        *_objects(home, raw),
        *unused_features(home.cache, wanted),
        *(_garbage("cache", path, why) for path, why in unused_checkpoints(home)),
        *(_outputs(home, runs) if runs is not None else ()),
    ]


def _garbage(kind: str, path: Path, why: str) -> Garbage:
    return Garbage(kind, path, size_of(path), why)


def _orphans(home: Home) -> list[Garbage]:
    """Version folders without a number that no numbered version was made from."""
    numbered = {(found.name, found.digest[:16]) for found in Numbers(home.numbers).all()}
    folders = [path for path in sorted(home.datasets.glob("*/*")) if path.is_dir() and TEMP_PREFIX not in path.name]
    living = [path for path in folders if (path.parent.name, path.name) in numbered]
    parents = {parent.digest[:16] for path in living for parent in read_manifest(path).parents}
    dead = [path for path in folders if path not in living and path.name not in parents]
    return [_garbage("version", path, "never got a number, or lost it") for path in dead]


def _needed(home: Home, dead: set[Path]) -> tuple[set[str], Wanted]:
    """SHA-256 of the photos that raw versions name, and what processed versions have."""
    raw: set[str] = set()
    wanted = Wanted()
    for found in Numbers(home.numbers).all():
        folder = version_folder(home.root, found.name, found.digest)
        if not folder.is_dir():
            raise StoreIntegrityError(
                f"the folder of {found.name}:{found.version} is missing: {folder}",
                f"Restore it or make it again with preprocess; or let it go with: "
                f"flowerops data rm {found.name}:{found.version}",
            )
    folders = [path for path in home.datasets.glob("*/*") if path.is_dir() and TEMP_PREFIX not in path.name]
    for folder in folders:
        if folder in dead:
            continue
        manifest = read_manifest(folder)
        if manifest.kind == "raw":
            raw |= {row.sha256 for row in read_rows(folder, RawFile)}
        else:
            wanted.keys |= {row.sha256 for row in read_rows(folder, ProcessedImage)}
            wanted.geometries.add((manifest.params["image_size"], manifest.params["fit"]))
    return raw, wanted


def _objects(home: Home, needed: set[str]) -> Iterator[Garbage]:
    for path in sorted(home.objects.glob("??/*")):
        sha256 = path.parent.name + path.name
        if len(sha256) == 64 and sha256 not in needed:
            yield _garbage("object", path, "a photo that no version names")


def _outputs(home: Home, runs: RunStore) -> Iterator[Garbage]:
    """Outputs in pipeline runs that failed: of steps that did not finish, and of all when no model was trained.

    A trained model stays: it can still be evaluated and registered.
    """
    for folder in sorted(path for path in home.runs.glob("*") if path.is_dir()):
        try:
            run = runs.find(folder.name)
        except BadInputError:
            continue  # recorded somewhere else
        if run.status in _ENDED_BADLY:
            kept = _kept(run)
            for path in sorted(folder.iterdir()):
                if path.is_dir() and path.name != "logs" and path.name not in kept and TEMP_PREFIX not in path.name:
                    yield _garbage("output", path, f"of a step in a run that {run.status.lower()}")


def _kept(run: Run) -> set[str]:
    finished = [step for step in run.steps if step.status == "FINISHED"]
    if not any(step.name == "train" for step in finished):
        return set()
    return {step.tags[OUTPUT_TAG] for step in finished if OUTPUT_TAG in step.tags}
