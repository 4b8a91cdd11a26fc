from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from flowerops.datasets.sources import Layout, class_folders, class_name, source_kind
from flowerops.domain.names import Selector
from flowerops.domain.progress import SilentProgress
from flowerops.errors import BadInputError
from flowerops.services.bring_in import laid_out
from flowerops.services.export import ExportRequest, export
from helpers.photos import encoded, photo_bytes, picture
from helpers.tiny_store import TinyStore


@pytest.fixture
def store(tmp_path: Path) -> TinyStore:
    return TinyStore(tmp_path)


def contents(store: TinyStore, source: Path) -> dict[str, bytes]:
    with laid_out(store.target, source, SilentProgress()) as (folder, _):
        found = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert list(store.home.temp.iterdir()) == []
    return found


# --- CSV ------------------------------------------------------------------------------------------------------------


def listing(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    for number in range(3):
        (folder / "raw").mkdir(parents=True, exist_ok=True)
        (folder / f"raw/{number}.jpg").write_bytes(photo_bytes(number))
    (folder / "labels.csv").write_bytes(text.encode(encoding))
    return folder / "labels.csv"


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_csv_becomes_class_folders(store: TinyStore, tmp_path: Path, separator: str, encoding: str, end: str) -> None:
    lines = [("Path", "label", "split"), ("raw/0.jpg", "daisy", "train"), ("raw/1.jpg", "glockenblümchen", "")]
    source = listing(tmp_path / "in", end.join(separator.join(line) for line in lines) + end, encoding)
    assert contents(store, source) == {
        "daisy/raw/0.jpg": photo_bytes(0),
        "glockenblümchen/raw/1.jpg": photo_bytes(1),
    }


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("/etc/passwd,daisy", "is not a path below"),
        ("../outside.jpg,daisy", "is not a path below"),
        ("raw/../../outside.jpg,daisy", "is not a path below"),
        (",daisy", "is not a path below"),
        ("raw/7.jpg,daisy", "there is no file 'raw/7.jpg'"),
        ("link.jpg,daisy", "link out of the CSV's folder"),
        ("raw,daisy", "or not a file"),
        ("raw/0.jpg,", "cannot be a class's name"),
        ("raw/0.jpg,../up", "cannot be a class's name"),
        ("raw/0.jpg,.hidden", "cannot be a class's name"),
        ("raw/0.jpg," + "x" * 300, "cannot be a class's name"),
        ("raw/0.jpg", "cannot be a class's name"),
    ],
)
def test_a_line_that_cannot_be_used_is_named(store: TinyStore, tmp_path: Path, line: str, message: str) -> None:
    (tmp_path / "outside.jpg").write_bytes(b"secret")
    source = listing(tmp_path / "in", f"path,label\nraw/1.jpg,roses\n{line}\n")
    (source.parent / "link.jpg").symlink_to(tmp_path / "outside.jpg")
    with pytest.raises(BadInputError, match=message) as caught:
        contents(store, source)
    assert "line 3" in caught.value.message
    assert list(store.home.temp.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("file,label\nraw/0.jpg,daisy\n", "no column 'path'; it has file, label"),
        ("path\nraw/0.jpg\n", "no column 'label'"),
        ("", "no heading"),
        ("path,label\n", "lists no photo"),
        ("path,label\n" + '"' + "x" * 200_000 + '",daisy\n', "field larger"),
    ],
)
def test_a_csv_of_another_form_is_refused(store: TinyStore, tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(BadInputError, match=message):
        contents(store, listing(tmp_path / "in", text))


def test_a_csv_in_another_encoding_is_refused(store, tmp_path):
    with pytest.raises(BadInputError, match="is not UTF-8"):
        contents(store, listing(tmp_path / "in", "path,label\nraw/0.jpg,blümchen\n", "latin-1"))


def test_an_exported_csv_comes_back_as_the_same_version(store):
    raw, _ = store.add(store.photos())
    export(store.target, ExportRequest(Selector("flowers"), store.root / "out", "csv"), SilentProgress())
    with laid_out(store.target, store.root / "out/labels.csv", SilentProgress()) as (folder, kind):
        assert kind == "csv"
        again = store.target.datasets.number(store.unnumbered(folder))
    assert again == raw


# --- Parquet --------------------------------------------------------------------------------------------------------


def parquet(
    path: Path,
    images: list[object],
    labels: list[object],
    names: list[str] | None = None,
    columns: tuple[str, str] = ("image", "label"),
) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    table = pa.table(dict(zip(columns, (images, labels), strict=True)))
    if names is not None:
        features = {columns[1]: {"names": names, "_type": "ClassLabel"}, columns[0]: {"_type": "Image"}}
        table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    pq.write_table(table, path, row_group_size=2)
    return path


def cell(number: int, name: str | None = None) -> dict[str, object]:
    return {"bytes": photo_bytes(number), "path": name}


def test_a_parquet_file_with_class_names_becomes_class_folders(store, tmp_path):
    images = [cell(0, "a.jpg"), cell(1, "/data/x/a.jpg"), cell(2, "..\\..\\b.jpg"), cell(3)]
    source = parquet(tmp_path / "in.parquet", images, [1, 1, 0, 0], ["daisy", "roses"])
    assert contents(store, source) == {
        "roses/a.jpg": photo_bytes(0),
        "roses/a~2.jpg": photo_bytes(1),
        "daisy/b.jpg": photo_bytes(2),
        "daisy/000004.jpeg": photo_bytes(3),
    }


def test_text_labels_plain_bytes_and_other_column_names_work(store, tmp_path):
    png = encoded(picture(5), "PNG")
    source = parquet(tmp_path / "x.parquet", [png, photo_bytes(1)], ["daisy", "roses"], columns=("img", "labels"))
    assert contents(store, source) == {"daisy/000001.png": png, "roses/000002.jpeg": photo_bytes(1)}


def test_all_files_of_a_folder_are_taken(store, tmp_path):
    parquet(tmp_path / "in/data/train-0.parquet", [cell(0, "0.jpg")], [0], ["daisy", "roses"])
    parquet(tmp_path / "in/data/test-0.parquet", [cell(1, "0.jpg")], [0], ["daisy", "roses"])
    parquet(tmp_path / "in/.cache/other.parquet", [cell(2, "0.jpg")], [0], ["daisy", "roses"])
    assert set(contents(store, tmp_path / "in")) == {"daisy/0.jpg", "daisy/0~2.jpg"}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: parquet(path, [cell(0)], [5], ["a", "b"]), "row 1: label 5 has no name"),
        (lambda path: parquet(path, [cell(0)], [-1], ["a", "b"]), "label -1 has no name"),
        (lambda path: parquet(path, [cell(0), cell(1)], ["a", None]), "row 2: None is not a label"),
        (lambda path: parquet(path, [cell(0)], [1.5]), "1.5 is not a label"),
        (lambda path: parquet(path, [{"bytes": None, "path": "/etc/passwd"}], ["a"]), "no image bytes"),
        (lambda path: parquet(path, [None], ["a"]), "no image bytes"),
        (lambda path: parquet(path, ["text"], ["a"]), "no image bytes"),
        (lambda path: parquet(path, [cell(0)], ["a/../../b"]), "cannot be a class's name"),
        (lambda path: parquet(path, [cell(0)], ["a"], columns=("photo", "label")), "no column 'image'"),
        (lambda path: parquet(path, [cell(0)], ["a"], columns=("image", "class")), "no column 'label'"),
        (lambda path: path.write_bytes(b"PAR1" + bytes(100) + b"PAR1"), "is damaged"),
    ],
)
def test_a_parquet_file_that_cannot_be_used_is_refused(
    store: TinyStore, tmp_path: Path, make: Callable[[Path], object], message: str
) -> None:
    make(tmp_path / "in.parquet")
    with pytest.raises(BadInputError, match=message):
        contents(store, tmp_path / "in.parquet")
    assert list(store.home.temp.iterdir()) == []


def test_a_processed_version_is_a_source_like_any_other(store):
    _, processed = store.add(store.photos())
    found = contents(store, processed.folder / "data")
    assert len(found) == processed.manifest.files
    assert {name.split("/")[0] for name in found} == {"daisy", "roses"}


def test_ten_thousand_photos_of_one_name_are_placed_in_no_time(tmp_path):
    layout = Layout(tmp_path)
    names = {layout.place("daisy", "image.jpg").name for _ in range(10_000)}
    assert len(names) == 10_000


# --- archives -------------------------------------------------------------------------------------------------------


def test_outer_folders_of_an_archive_are_taken_off(store, tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for name in (
            "photos/set/LICENSE.txt",
            "photos/set/daisy/1.jpg",
            "photos/set/roses/sub/2.jpg",
            "__MACOSX/x/._1",
        ):
            archive.writestr(name, b"x")
    assert set(contents(store, tmp_path / "a.zip")) == {"LICENSE.txt", "daisy/1.jpg", "roses/sub/2.jpg"}


def test_a_single_class_folder_is_not_an_outer_folder(tmp_path):
    (tmp_path / "daisy").mkdir()
    assert class_folders(tmp_path) == tmp_path


def test_a_hostile_archive_leaves_nothing_behind(store, tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("daisy/1.jpg", b"x")
        archive.writestr("../../../evil.jpg", b"x")
    with pytest.raises(BadInputError, match="leads out of the folder"):
        contents(store, tmp_path / "a.zip")
    assert list(store.home.temp.iterdir()) == []
    assert not any(path.suffix == ".jpg" for path in tmp_path.rglob("*"))


# --- what a source is -----------------------------------------------------------------------------------------------


def test_what_is_no_source_is_refused_with_the_way_out(tmp_path):
    (tmp_path / "photos/daisy").mkdir(parents=True)
    (tmp_path / "notes.txt").write_text("hello")
    for path, message in (("photos", "no Parquet files"), ("notes.txt", "is no Parquet file"), ("gone", "cannot read")):
        with pytest.raises(BadInputError, match=message) as caught:
            source_kind(tmp_path / path)
        assert caught.value.hint
    with pytest.raises(BadInputError, match="row 3"):
        class_name("", "row 3")
