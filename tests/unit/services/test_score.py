"""Scoring a folder: one row a file whatever the file is, and the same table after any interruption."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from flowerops.domain.names import Selector
from flowerops.errors import BadInputError, ConflictError, UsageError
from flowerops.io.hashing import sha256_bytes
from flowerops.io.locks import exclusive
from flowerops.services import score as service
from flowerops.services import score_parts
from flowerops.services.predict import predict_with_model
from flowerops.services.score import Scored, ScoreRequest, plan, score
from flowerops.steps.scoring import ScoreWork
from flowerops.targets.local.target import LocalTarget
from helpers.registry import CALLER
from helpers.tiny_bundle import COLOURS, photo

LABELS = ("daisy", "roses")


@pytest.fixture(scope="module")
def target(tiny_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> LocalTarget:
    made = LocalTarget(tmp_path_factory.mktemp("scoring") / "home")
    made.models.register("tiny", tiny_bundle, "run-1", {})
    return made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Nineteen photos in two folders, and six files that are none."""
    root = tmp_path / "photos"
    for index in range(19):
        path = root / ("a", "b")[index % 2] / f"{index:02d}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(photo(COLOURS[index % 2], seed=index))
    (root / "a/zero.jpg").write_bytes(b"")
    (root / "a/page.jpg").write_text("<html>not found</html>")
    (root / 'a/cut, "off".jpg').write_bytes(photo(COLOURS[0])[:300])
    (root / "b/.hidden.jpg").write_bytes(photo(COLOURS[0]))
    os.mkfifo(root / "b/pipe.jpg")
    (root / "b/away.jpg").symlink_to("/etc/hostname")
    return root


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(score_parts, "PART_FILES", 4)


def run(target: LocalTarget, folder: Path, out: Path, **options: object) -> Scored:
    request = ScoreRequest(folder, out, Selector("tiny"), **options)  # type: ignore[arg-type]
    return score(target, request, CALLER)


def stop_after(monkeypatch: pytest.MonkeyPatch, files: int, how: BaseException) -> Callable[[], None]:
    """Let the work fail when so many files are scored; returns what takes that back."""
    done, real = [0], ScoreWork._one

    def one(work: ScoreWork, found: object) -> object:
        done[0] += 1
        if done[0] > files:
            raise how
        return real(work, found)  # type: ignore[arg-type]

    monkeypatch.setattr(ScoreWork, "_one", one)
    return lambda: monkeypatch.setattr(ScoreWork, "_one", real)


def test_every_file_has_a_row_and_those_that_are_no_photo_say_why(target: LocalTarget, folder: Path, tmp_path: Path):
    done = run(target, folder, tmp_path / "out.parquet")
    table = pq.read_table(tmp_path / "out.parquet")
    assert table.column_names == [
        *("path", "sha256", "predicted", "confidence", "p_daisy", "p_roses", "error"),
        *("model_name", "model_version", "model_digest"),
    ]
    rows = table.to_pylist()
    assert [row["path"] for row in rows] == sorted(row["path"] for row in rows)
    assert len(rows) == 22
    document = done.document()
    assert (document["files"], document["scored"], document["carried_over"]) == (22, 19, 0)
    assert document["predicted"] == {"daisy": 10, "roses": 9}
    reasons = {row["path"]: row["error"] for row in rows if row["error"]}
    assert set(reasons) == {"a/zero.jpg", "a/page.jpg", 'a/cut, "off".jpg'}
    assert {one["path"]: one["reason"] for one in document["rejected"]} == reasons
    assert {one["path"] for one in document["skipped"]} == {"b/.hidden.jpg", "b/pipe.jpg", "b/away.jpg"}
    model = target.models.versions("tiny")[0]
    assert {(row["model_name"], row["model_version"], row["model_digest"]) for row in rows} == {
        ("tiny", 1, model.digest)
    }
    (first,) = (row for row in rows if row["path"] == "a/00.jpg")
    assert first["sha256"] == sha256_bytes((folder / "a/00.jpg").read_bytes())
    said = predict_with_model(target, Selector("tiny"), [folder / "a/00.jpg"])["predictions"][0]
    assert (first["predicted"], first["p_roses"]) == (said["label"], pytest.approx(said["probabilities"]["roses"]))
    assert first["confidence"] == max(first["p_daisy"], first["p_roses"])
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_csv_has_the_same_rows(target: LocalTarget, folder: Path, tmp_path: Path):
    run(target, folder, tmp_path / "out.parquet")
    run(target, folder, tmp_path / "out.csv")
    parquet, csv = pq.read_table(tmp_path / "out.parquet").to_pylist(), pyarrow.csv.read_csv(tmp_path / "out.csv")
    assert csv["path"].to_pylist() == [row["path"] for row in parquet]
    assert csv["predicted"].to_pylist() == [row["predicted"] or "" for row in parquet]
    assert csv["p_roses"].to_pylist() == pytest.approx([row["p_roses"] for row in parquet], nan_ok=True)


@pytest.mark.parametrize("files", [0, 3, 9, 21])
def test_a_rerun_goes_on_where_the_first_was_stopped_and_ends_in_the_same_file(
    target: LocalTarget, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: int
):
    run(target, folder, tmp_path / "whole.parquet", workers=1)
    out = tmp_path / "out.parquet"
    go_on = stop_after(monkeypatch, files, KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        run(target, folder, out, workers=1)
    assert not out.exists()
    go_on()
    done = run(target, folder, out, workers=1)
    assert 0 <= done.carried_over <= files
    assert done.carried_over >= files - 4 * 4, "what waited in the threads is lost, finished parts are not"
    assert out.read_bytes() == (tmp_path / "whole.parquet").read_bytes()


def interrupted(target: LocalTarget, folder: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All parts are there, the table is not."""
    with monkeypatch.context() as patch:
        patch.setattr(service.PredictionTable, "join", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            run(target, folder, out)


def test_what_changed_meanwhile_is_scored_again(
    target: LocalTarget, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    out = tmp_path / "out.parquet"
    interrupted(target, folder, out, monkeypatch)
    before = (folder / "a/00.jpg").stat()
    (folder / "a/00.jpg").write_bytes(photo(COLOURS[1], seed=77))
    os.utime(folder / "a/00.jpg", ns=(before.st_atime_ns, before.st_mtime_ns))
    part = sorted((tmp_path / ".out.parquet.parts").glob("part-*"))[3]
    part.write_bytes(part.read_bytes()[:-50])
    done = run(target, folder, out)
    assert done.carried_over == 22 - 8
    rows = {row["path"]: row for row in pq.read_table(out).to_pylist()}
    assert rows["a/00.jpg"]["predicted"] == "roses"
    interrupted(target, folder, out, monkeypatch)
    assert run(target, folder, out, fresh=True).carried_over == 0


def test_another_folder_or_model_begins_anew(
    target: LocalTarget, tiny_bundle: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    out = tmp_path / "out.parquet"
    interrupted(target, folder, out, monkeypatch)
    assert run(target, folder / "a", out).carried_over == 0
    assert len(pq.read_table(out)) == 13


def test_what_cannot_be_done_is_refused(target: LocalTarget, folder: Path, tmp_path: Path):
    with pytest.raises(UsageError, match=r"must end in \.parquet or \.csv"):
        run(target, folder, tmp_path / "out.xlsx")
    with pytest.raises(BadInputError, match="does not exist"):
        run(target, tmp_path / "nowhere", tmp_path / "out.csv")
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadInputError, match="there is no photo"):
        run(target, tmp_path / "empty", tmp_path / "out.csv")
    lock = tmp_path / ".out.csv.parts.lock"
    with exclusive(lock, "the test"), pytest.raises(ConflictError, match=r"out\.csv is locked by process"):
        run(target, folder, tmp_path / "out.csv")


def test_a_plan_counts_and_leaves_its_own_table_out(target: LocalTarget, folder: Path):
    request = ScoreRequest(folder, folder / "out.parquet", Selector("tiny"))
    assert plan(target, request)["files"] == 22
    score(target, request, CALLER)
    assert plan(target, request)["files"] == 22
    assert plan(target, request)["scored_on"] == "this machine"


def test_helper_processes_give_the_same_table(
    target: LocalTarget, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    run(target, folder, tmp_path / "threads.parquet")
    monkeypatch.setattr("flowerops.io.crew._ENOUGH", 2)
    run(target, folder, tmp_path / "processes.parquet", workers=2)
    assert (tmp_path / "threads.parquet").read_bytes() == (tmp_path / "processes.parquet").read_bytes()
