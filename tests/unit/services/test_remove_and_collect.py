from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flowerops.datasets.objects import ObjectStore
from flowerops.datasets.raw import RawVersion
from flowerops.domain.bundle import VersionRef
from flowerops.domain.names import Selector
from flowerops.domain.progress import SilentProgress
from flowerops.errors import BadInputError, ConflictError, StoreIntegrityError, UsageError
from flowerops.images import DECODER_VERSION
from flowerops.io.presence import leave
from flowerops.ml.engines import converted_folder
from flowerops.ml.feature_cache import FeatureCache
from flowerops.ml.feature_segments import write_segment
from flowerops.ml.feature_space import FeatureSpace
from flowerops.services.collect import collect
from flowerops.services.remove import plan, remove
from flowerops.services.verify import verify_everything
from helpers.tiny_bundle import bundle_info, reseal
from helpers.tiny_store import TinyStore


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("store")
    store = TinyStore(root)
    store.add(store.photos())
    photos = store.photos("more", seed=3)
    for path in (root / "photos/daisy").iterdir():
        shutil.copy(path, photos / "daisy" / f"old_{path.name}")
    store.add(photos)
    leave(store.home.locks)
    return root


@pytest.fixture
def store(made: Path, tmp_path: Path) -> TinyStore:
    """flowers:1, flowers:2 (which shares 12 of its 36 photos with the first), and a processed version of each."""
    for name in ("home", "photos", "more"):
        shutil.copytree(made / name, tmp_path / name)
    return TinyStore(tmp_path)


def rm(store: TinyStore, name: str, version: int | None) -> None:
    leave(store.home.locks)
    remove(store.target, Selector(name, version))


def gc(store: TinyStore, dry_run: bool = False) -> dict:  # type: ignore[type-arg]
    leave(store.home.locks)
    return collect(store.target, dry_run, SilentProgress())


def numbers(store: TinyStore, name: str = "flowers") -> list[int]:
    return [found.version for found in store.target.datasets.all(name)]


def objects(store: TinyStore) -> int:
    return len(list(store.home.objects.glob("??/*")))


def whole(store: TinyStore) -> bool:
    return verify_everything(store.target, SilentProgress()).problems == []


# --- rm -------------------------------------------------------------------------------------------------------------


def test_a_removed_version_is_gone_and_its_number_never_comes_back_for_other_photos(store):
    rm(store, "flowers_processed", 2)
    rm(store, "flowers", 2)
    assert numbers(store) == [1]
    assert not store.target.datasets.entries("flowers")[0].folder.joinpath("x").exists()
    with pytest.raises(BadInputError, match="removed at"):
        store.target.datasets.find(Selector("flowers", 2))
    other = store.add(store.photos("others", seed=9))[0]
    assert other.version == 3
    assert numbers(store) == [3, 1]
    assert whole(store)


def test_the_same_photos_get_the_same_number_again(store):
    digest = store.target.datasets.find(Selector("flowers", 2)).manifest.digest
    rm(store, "flowers_processed", 2)
    rm(store, "flowers", 2)
    gc(store)
    again = store.target.datasets.number(store.unnumbered(store.root / "more"))
    assert (again.version, again.manifest.digest) == (2, digest)
    assert numbers(store) == [2, 1]
    assert whole(store)


def test_a_raw_version_stays_while_a_processed_one_was_made_of_it(store):
    with pytest.raises(ConflictError, match="flowers:1 is needed by flowers_processed:1") as caught:
        rm(store, "flowers", 1)
    assert caught.value.details["needed_by"] == ["flowers_processed:1"]
    assert numbers(store) == [2, 1]


@pytest.mark.parametrize("told_by", ["tags", "bundle"])
def test_a_version_stays_while_a_model_was_made_of_it(
    store: TinyStore, tiny_bundle: Path, tmp_path: Path, told_by: str
) -> None:
    processed = store.target.datasets.find(Selector("flowers_processed", 1))
    tags = {}
    if told_by == "tags":
        tags = {"processed_digest": processed.manifest.digest}
        bundle = tiny_bundle
    else:
        bundle = tmp_path / "bundle"
        shutil.copytree(tiny_bundle, bundle)
        ref = VersionRef(name=processed.name, version=1, digest=processed.manifest.digest)
        info = bundle_info(("daisy", "roses"), 32).model_copy(update={"processed": ref})
        (bundle / "bundle.json").write_text(info.to_json())
        reseal(bundle)
    with store.target.runs.pipeline_run("tests", "run", {}) as run_id:
        store.target.models.register("tiny", bundle, run_id, tags)
    with pytest.raises(ConflictError, match="needed by tiny:1"):
        rm(store, "flowers_processed", 1)
    rm(store, "flowers_processed", 2)
    assert numbers(store, "flowers_processed") == [1]


def test_a_version_is_removed_by_its_number_only(store):
    with pytest.raises(UsageError, match="which version"):
        rm(store, "flowers", None)
    with pytest.raises(BadInputError, match="has no version 7"):
        rm(store, "flowers", 7)


def test_a_plan_removes_nothing(store):
    assert plan(store.target, Selector("flowers_processed", 1)).bytes > 0
    assert numbers(store, "flowers_processed") == [2, 1]


def test_a_version_whose_folder_is_damaged_or_missing_can_be_removed(store):
    shutil.rmtree(store.target.datasets.find(Selector("flowers_processed", 1)).folder)
    (store.target.datasets.find(Selector("flowers_processed", 2)).folder / "manifest.json").write_text("{")
    rm(store, "flowers_processed", 1)
    rm(store, "flowers_processed", 2)
    assert store.target.datasets.entries("flowers_processed") == []


# --- gc -------------------------------------------------------------------------------------------------------------


def test_a_tidy_home_loses_nothing(store):
    count = objects(store)
    assert gc(store)["items"] == []
    assert objects(store) == count == 48
    assert whole(store)


def test_photos_go_when_the_last_version_that_names_them_is_gone(store):
    rm(store, "flowers_processed", 2)
    rm(store, "flowers", 2)
    planned = gc(store, dry_run=True)
    assert objects(store) == 48
    done = gc(store)
    assert done["removed"] == planned["removed"] == {"leftover": 0, "version": 0, "object": 24, "cache": 0, "output": 0}
    assert done["bytes"] == sum(item["bytes"] for item in done["items"]) > 0
    assert objects(store) == 24
    assert whole(store)
    assert gc(store)["items"] == []


def test_a_version_that_never_got_a_number_goes_with_its_photos(store):
    folder = store.unnumbered(store.photos("refused", seed=8))
    assert objects(store) == 72
    removed = gc(store)["removed"]
    assert (removed["version"], removed["object"]) == (1, 24)
    assert not folder.exists()
    assert objects(store) == 48
    assert whole(store)


def test_what_killed_processes_left_goes(store):
    places = ["objects/aa/.tmp-1", "datasets/flowers/.tmp-2", "bundles/.tmp-3", "cache/features/x/.tmp-4", "tmp/.tmp-5"]
    for place in places:
        (store.home.root / place).mkdir(parents=True)
        (store.home.root / place / "half").write_bytes(b"x" * 10)
    result = gc(store)
    assert result["removed"]["leftover"] == 5
    assert result["bytes"] == 50
    assert not any((store.home.root / place).exists() for place in places)


def test_nothing_goes_while_a_version_cannot_be_read(store):
    version = store.target.datasets.find(Selector("flowers", 1))
    rows = version.folder / "files.jsonl"
    saved = rows.read_bytes()
    rows.write_bytes(saved[:-10])
    with pytest.raises(StoreIntegrityError):
        gc(store)
    rows.write_bytes(saved)
    shutil.move(version.folder, store.root / "away")
    with pytest.raises(StoreIntegrityError, match="flowers:1 is missing"):
        gc(store)
    assert objects(store) == 48


def _space(store: TinyStore, **others: Any) -> Path:
    """The folder of the features of the version's squares, or of others."""
    params = store.target.datasets.find(Selector("flowers_processed", 1)).manifest.params
    facts = {"backbone": "b" * 64, "engine": "litert", "image_size": params["image_size"], "fit": params["fit"]}
    return FeatureSpace.model_validate({**facts, "decoder": DECODER_VERSION, **others}).folder(store.home.cache)


def _segment(store: TinyStore, keys: list[str]) -> Path:
    names = np.array([key.encode() for key in keys])
    return write_segment(_space(store), names, np.ones((len(keys), 3), np.float32))


def test_features_of_photos_that_no_version_has_go(store):
    keys = [row.sha256 for row in RawVersion(store.target.datasets.find(Selector("flowers", 1)).folder).rows]
    used = _segment(store, ["a" * 64, *keys])
    unused = _segment(store, ["a" * 64, "b" * 64])
    damaged = _segment(store, keys[:1])
    damaged.write_bytes(damaged.read_bytes()[:-2])
    former, foreign = _space(store) / f"{'c' * 64}.npy", _space(store) / "notes.npy"
    former.write_bytes(b"x")
    foreign.write_bytes(b"x")
    assert gc(store)["removed"]["cache"] == 3
    assert [path.exists() for path in (used, unused, damaged, former, foreign)] == [True, False, False, False, True]


def test_a_segment_that_is_mostly_needless_is_written_again_without_that(store):
    keys = [row.sha256 for row in RawVersion(store.target.datasets.find(Selector("flowers", 1)).folder).rows][:10]
    mixed = _segment(store, [*keys, *(f"{number:064x}" for number in range(30))])
    size = mixed.stat().st_size
    assert 0.5 * size < gc(store)["bytes"] < size
    features, found = FeatureCache(_space(store), 3).load([*keys, f"{7:064x}"])
    assert found.tolist() == [True] * 10 + [False]
    assert (features[:10] == 1).all()
    assert not mixed.exists()
    assert gc(store)["removed"]["cache"] == 0


def test_features_of_other_squares_and_their_backbones_go(store):
    rows = RawVersion(store.target.datasets.find(Selector("flowers", 1)).folder).rows
    kept = _segment(store, [row.sha256 for row in rows])
    others = [_space(store, image_size=17), _space(store, fit="stretch"), _space(store, decoder=0)]
    converted = [converted_folder(store.home.cache) / (digit * 32) for digit in "bc"]
    for folder in converted:
        folder.mkdir(parents=True)
    assert gc(store)["removed"]["cache"] == 4
    assert kept.exists()
    assert not any(folder.exists() for folder in others)
    assert [folder.exists() for folder in converted] == [True, False]


def _run(store: TinyStore, *steps: str, fails: bool) -> str:
    runs = store.target.runs
    with pytest.raises(RuntimeError) if fails else _nothing(), runs.pipeline_run("tests", "run", {}) as run_id:
        for name in steps:
            with runs.recorded_step(run_id, name, {}) as step_id:
                folder = store.home.run_folder(run_id) / f"{name}-out"
                folder.mkdir(parents=True)
                (folder / "result").write_text("x")
                runs.tag(step_id, {"flowerops.output": folder.name})
        (store.home.run_folder(run_id) / "logs").mkdir(parents=True, exist_ok=True)
        (store.home.run_folder(run_id) / "cut-off").mkdir()
        if fails:
            raise RuntimeError
    return run_id


def _nothing():  # type: ignore[no-untyped-def]
    import contextlib

    return contextlib.nullcontext()


def test_outputs_of_failed_runs_go_unless_a_model_was_trained(store):
    early, late, good = (
        _run(store, "preprocess", fails=True),
        _run(store, "train", "evaluate", fails=True),
        _run(store, "train", fails=False),
    )
    gc(store)

    def left(run_id: str) -> list[str]:
        return sorted(path.name for path in store.home.run_folder(run_id).iterdir())

    assert left(early) == ["logs"]
    assert left(late) == ["evaluate-out", "logs", "train-out"]
    assert left(good) == ["cut-off", "logs", "train-out"]


def test_gc_and_rm_keep_away_from_a_command_that_writes(store):
    leave(store.home.locks)
    code = (
        "import sys; from pathlib import Path; from flowerops.targets.local.target import LocalTarget\n"
        "LocalTarget(Path(sys.argv[1])).storage.announce(); print('on', flush=True); sys.stdin.read()"
    )
    writer = subprocess.Popen(
        [sys.executable, "-c", code, str(store.home.root)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "on\n"
        with pytest.raises(ConflictError, match=f"a command is writing: process {writer.pid}"):
            gc(store)
        with pytest.raises(ConflictError, match="a command is writing"):
            rm(store, "flowers_processed", 1)
    finally:
        writer.communicate("", timeout=20)
    assert gc(store)["items"] == []


def test_a_reader_finds_every_photo_after_any_order_of_clean_ups(store):
    rm(store, "flowers_processed", 1)
    gc(store)
    rm(store, "flowers", 1)
    gc(store)
    version = RawVersion(store.target.datasets.find(Selector("flowers")).folder, store.home.objects)
    assert all(version.read(row) for row in version.rows)
    assert objects(store) == len({row.sha256 for row in version.rows})
    assert ObjectStore(store.home.objects).root.is_dir()


def test_gc_keeps_the_checkpoints_that_a_training_can_go_on_from(store):
    digests = {n: store.target.datasets.find(Selector("flowers_processed", n)).manifest.digest[:16] for n in (1, 2)}
    there = {
        name: store.home.cache / "checkpoints" / f"{digests[n]}-{name}" for name, n in (("a", 1), ("b", 1), ("c", 2))
    }
    for folder in there.values():
        (folder / "epoch-0003").mkdir(parents=True)
        (folder / "lock").touch()
    (there["b"] / "epoch-0003").rmdir()
    rm(store, "flowers_processed", 2)
    gc(store)
    assert {name: folder.exists() for name, folder in there.items()} == {"a": True, "b": False, "c": False}
    assert (there["a"] / "epoch-0003").is_dir()
