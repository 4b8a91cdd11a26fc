from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from flowerops.datasets.objects import ObjectStore
from flowerops.datasets.pixels import decode_pixels
from flowerops.datasets.raw import RawVersion
from flowerops.datasets.rows import read_rows
from flowerops.domain.dataset import ProcessedImage
from flowerops.domain.names import Selector
from flowerops.domain.progress import SilentProgress
from flowerops.domain.verification import Verification
from flowerops.errors import BadInputError, StoreIntegrityError
from flowerops.io.hashing import sha256_bytes, sha256_file
from flowerops.services.verify import refuse_problems, verify_datasets, verify_everything
from helpers.photos import encode_pixels, photo_bytes
from helpers.tiny_store import TinyStore


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("store")
    store = TinyStore(root)
    store.add(store.photos())
    return root


@pytest.fixture
def store(made: Path, tmp_path: Path) -> TinyStore:
    shutil.copytree(made / "home", tmp_path / "home")
    return TinyStore(tmp_path)


def verify(store: TinyStore, name: str | None = None, every: bool = False) -> Verification:
    return verify_datasets(store.target, Selector(name) if name else None, every, SilentProgress())


def folder_of(store: TinyStore, name: str) -> Path:
    return store.target.datasets.find(Selector(name)).folder


def places(result: Verification) -> set[str]:
    return {Path(problem.path).name for problem in result.problems}


def test_versions_as_written_have_no_problems_and_everything_is_counted(store):
    result = verify(store)
    assert result.problems == []
    assert result.versions == ["flowers_processed:1", "flowers:1"]
    rows = len(read_rows(folder_of(store, "flowers_processed"), ProcessedImage))
    samples = len(list((folder_of(store, "flowers_processed") / "samples").iterdir())) - 1
    assert result.checked == 24 + 2 + rows + 2 + samples
    refuse_problems(result)


def test_every_damaged_and_missing_photo_is_listed_not_only_the_first(store):
    raw = RawVersion(folder_of(store, "flowers"))
    objects = ObjectStore(store.home.objects)
    damaged, gone = raw.rows[3], raw.rows[17]
    objects.path_of(damaged.sha256).write_bytes(b"other")
    objects.path_of(gone.sha256).unlink()
    result = verify(store, "flowers")
    found = {problem.of: (problem.path, problem.expected, problem.got) for problem in result.problems}
    assert found == {
        f"flowers:1 {damaged.path}": (
            str(objects.path_of(damaged.sha256)),
            damaged.sha256,
            sha256_bytes(b"other"),
        ),
        f"flowers:1 {gone.path}": (str(objects.path_of(gone.sha256)), gone.sha256, "missing"),
    }
    with pytest.raises(StoreIntegrityError) as caught:
        refuse_problems(result)
    assert caught.value.exit_code == 5
    assert len(caught.value.details["problems"]) == 2


def _add_file(folder: Path) -> str:
    (folder / "data/extra.parquet").write_bytes(b"x")
    return "extra.parquet"


def _add_link(folder: Path) -> str:
    (folder / "link").symlink_to(folder)
    return "link"


def _remove_shard(folder: Path) -> str:
    shard = next((folder / "data").glob("train-*"))
    shard.unlink()
    return shard.name


def _cut_shard(folder: Path) -> str:
    shard = next((folder / "data").glob("train-*"))
    shard.write_bytes(shard.read_bytes()[:-40])
    return shard.name


def _spoil_shard(folder: Path) -> str:
    shard = next((folder / "data").glob("train-*"))
    data = bytearray(shard.read_bytes())
    data[len(data) // 3 : len(data) // 3 + 60] = bytes(60)
    shard.write_bytes(data)
    return shard.name


def _remove_sample(folder: Path) -> str:
    sample = next(path for path in (folder / "samples").iterdir() if path.suffix == ".jpg")
    sample.unlink()
    return sample.name


def _remove_sample_list(folder: Path) -> str:
    (folder / "samples/samples.json").unlink()
    return "samples.json"


def _edit_rows(folder: Path) -> str:
    rows = folder / "files.jsonl"
    rows.write_text(rows.read_text().replace('"daisy"', '"roses"', 1))
    return "files.jsonl"


def _edit_counts(folder: Path) -> str:
    manifest = folder / "manifest.json"
    document = json.loads(manifest.read_text())
    document["splits"]["train"] += 1
    manifest.write_text(json.dumps(document))
    return "manifest.json"


def _break_manifest(folder: Path) -> str:
    (folder / "manifest.json").write_text("{")
    return "manifest.json"


def _rewrite_all(folder: Path) -> str:
    rows = folder / "files.jsonl"
    rows.write_text("".join(rows.read_text().splitlines(keepends=True)[1:]))
    document = json.loads((folder / "manifest.json").read_text())
    document["digest"] = sha256_file(rows)
    (folder / "manifest.json").write_text(json.dumps(document))
    return "manifest.json"


def _remove_folder(folder: Path) -> str:
    shutil.rmtree(folder)
    return folder.name


@pytest.mark.parametrize(
    "damage",
    [
        _add_file,
        _add_link,
        _remove_shard,
        _cut_shard,
        _spoil_shard,
        _remove_sample,
        _remove_sample_list,
        _edit_rows,
        _edit_counts,
        _break_manifest,
        _rewrite_all,
        _remove_folder,
    ],
)
def test_any_change_to_a_version_is_found(store: TinyStore, damage: Callable[[Path], str]) -> None:
    name = damage(folder_of(store, "flowers_processed"))
    assert name in places(verify(store, "flowers_processed"))
    assert verify(store, "flowers").problems == []


def test_one_changed_pixel_is_found_and_named(store):
    folder = folder_of(store, "flowers_processed")
    shard = next((folder / "data").glob("train-*"))
    table = pq.read_table(shard)
    images = table["image"].to_pylist()
    pixels = decode_pixels(images[2]["bytes"]).copy()
    pixels[5, 5, 0] ^= 1
    images[2]["bytes"] = encode_pixels(pixels)
    position = table.schema.get_field_index("image")
    changed = table.set_column(
        position, table.schema.field("image"), pa.array(images, table.schema.field("image").type)
    )
    pq.write_table(changed, shard)
    (problem,) = verify(store, "flowers_processed").problems
    sha256 = table["sha256"].to_pylist()[2]
    row = next(row for row in read_rows(folder, ProcessedImage) if row.sha256 == sha256)
    assert problem.of == f"flowers_processed:1 {row.path}"
    assert problem.expected == row.pixels_sha256
    assert problem.got == sha256_bytes(pixels.tobytes())


def test_a_version_that_does_not_exist_is_bad_input(store):
    with pytest.raises(BadInputError, match="no dataset 'flowrs'") as caught:
        verify(store, "flowrs")
    assert caught.value.hint == "Did you mean 'flowers'?"


def test_all_versions_of_one_dataset(store):
    store.add(store.photos("more", seed=5))
    assert verify(store, "flowers").versions == ["flowers:2"]
    assert verify(store, "flowers", every=True).versions == ["flowers:2", "flowers:1"]


# --- everything -----------------------------------------------------------------------------------------------------


def everything(store: TinyStore) -> Verification:
    return verify_everything(store.target, SilentProgress())


def test_verify_of_a_fresh_home_writes_nothing(tmp_path):
    store = TinyStore(tmp_path)
    before = sorted(path.name for path in store.home.root.rglob("*"))
    assert everything(store).problems == []
    assert sorted(path.name for path in store.home.root.rglob("*")) == before


def test_verify_reads_models_ledgers_and_leftovers(store, tiny_bundle):
    with store.target.runs.pipeline_run("tests", "run", {}) as run_id:
        store.target.models.register("tiny", tiny_bundle, run_id, {})
    (store.home.objects / "aa").mkdir(exist_ok=True)
    (store.home.objects / "aa/.tmp-1234").write_bytes(b"half")
    result = everything(store)
    assert result.problems == []
    assert result.models == ["tiny:1"]
    assert [Path(path).name for path in result.leftovers] == [".tmp-1234"]
    bundle = store.target.models.versions("tiny")[0].bundle
    (bundle / "model.tflite").write_bytes(b"another model")
    (bundle / "extra").write_bytes(b"x")
    assert places(everything(store)) == {"model.tflite", "extra"}
    (bundle / "SHA256SUMS").unlink()
    assert places(everything(store)) == {"SHA256SUMS"}


def test_a_damaged_ledger_is_a_problem_and_not_the_end(store):
    with sqlite3.connect(store.home.numbers) as connection:
        connection.execute("CREATE TABLE filler AS SELECT randomblob(4000) FROM versions")
    connection.close()
    store.home.numbers.write_bytes(b"no database" * 400)
    (problem,) = everything(store).problems
    assert Path(problem.path).name == "ledger.db"


def test_photos_that_two_versions_share_are_read_once(store):
    first = verify(store, "flowers", every=True).checked
    photos = store.photos("photos")
    (photos / "daisy/extra.jpg").write_bytes(photo_bytes(777))
    store.add(photos)
    assert verify(store, "flowers", every=True).checked == first + 2 + 1
