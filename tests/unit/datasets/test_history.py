from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowerops.datasets.history import History
from flowerops.datasets.processed import ProcessedVersion
from flowerops.datasets.rows import read_rows, rows_bytes, write_version
from flowerops.domain.build import BuildInfo, CodeInfo
from flowerops.domain.dataset import SPLITS, ProcessedImage, Provenance, VersionManifest
from flowerops.errors import StoreIntegrityError
from flowerops.images import DECODER_VERSION
from flowerops.io.hashing import sha256_bytes
from helpers.tiny_store import SIZE, TinyStore

PROVENANCE = Provenance(created="2024-05-01T12:00:00+00:00", build=BuildInfo(kind="laptop", id="x"), code=CodeInfo())
TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=30) | st.just(
    f'","sha256":"{"0" * 64}","split":"test"'
)
SHA256 = st.text("0123456789abcdef", min_size=64, max_size=64)

rows = st.lists(
    st.builds(
        ProcessedImage,
        dhash=TEXT,
        height=st.integers(1, 9),
        label=TEXT,
        mean_rgb=TEXT,
        path=TEXT,
        pixels_sha256=SHA256,
        sha256=SHA256,
        split=st.sampled_from(SPLITS),
        width=st.integers(1, 9),
    ),
    unique_by=lambda row: row.sha256,
    max_size=8,
)


def version(folder: Path, listed: list[ProcessedImage], **params: object) -> Path:
    """A version's rows and manifest, without pixels."""
    data = rows_bytes(listed)
    manifest = VersionManifest(
        kind="processed",
        name="x_processed",
        digest=sha256_bytes(data),
        files=len(listed),
        bytes=0,
        classes={},
        params={"image_size": SIZE, "fit": "pad", "decoder_version": DECODER_VERSION} | params,
        provenance=PROVENANCE,
    )
    folder.mkdir(parents=True)
    write_version(folder, manifest, data)
    return folder


@given(rows)
@settings(max_examples=60, deadline=None)
def test_rows_read_back_as_written_and_their_splits_are_found_whatever_the_names(listed):
    with tempfile.TemporaryDirectory() as temp:
        folder = version(Path(temp) / "v", listed)
        assert read_rows(folder, ProcessedImage) == listed
        history = History([folder], SIZE, "pad")
        assert history.splits() == {row.sha256: row.split for row in listed}
        assert history.known() == {row.sha256 for row in listed}


@pytest.mark.parametrize("params", [{"image_size": SIZE + 1}, {"fit": "crop"}, {"decoder_version": 1}])
def test_splits_come_from_every_version_but_pixels_only_from_the_same_geometry(tmp_path, params):
    store = TinyStore(tmp_path)
    _, made = store.add(store.photos())
    other = version(tmp_path / "other", ProcessedVersion(made.folder).rows, **params)
    history = History([other], SIZE, "pad")
    assert len(history.splits()) == 24
    assert history.known() == set()
    assert list(history.shards(set(history.splits()))) == []


def test_only_shards_with_wanted_photos_are_opened(tmp_path):
    store = TinyStore(tmp_path)
    _, made = store.add(store.photos())
    some = next(row for row in ProcessedVersion(made.folder).rows if row.split == "val")
    (shard,) = History([made.folder], SIZE, "pad").shards({some.sha256})
    assert (shard.split, shard.label_of[some.sha256]) == ("val", some.label)
    assert shard.facts[some.sha256].pixels_sha256 == some.pixels_sha256


def test_a_shard_that_stayed_is_looked_at_once(tmp_path):
    store = TinyStore(tmp_path)
    _, first = store.add(store.photos())
    more = store.photos("photos", seed=9, per_class=20)
    _, second = store.add(more)
    folders = [second.folder, first.folder]
    wanted = {row.sha256 for row in ProcessedVersion(second.folder).rows}
    found = list(History(folders, SIZE, "pad").shards(wanted))
    assert {shard.path.parent.parent for shard in found} == {second.folder}


def test_without_an_earlier_version_nothing_is_known():
    history = History([], SIZE, "pad")
    assert (history.splits(), history.known(), list(history.shards({"0" * 64}))) == ({}, set(), [])


def test_damaged_rows_are_an_integrity_error(tmp_path):
    folder = version(tmp_path / "v", [])
    (folder / "files.jsonl").write_bytes(b"{}\n")
    with pytest.raises(StoreIntegrityError, match="does not match its digest"):
        History([folder], SIZE, "pad").splits()


def test_the_classes_are_those_of_the_rows_whatever_the_manifest_was_changed_to(tmp_path):
    store = TinyStore(tmp_path)
    _, made = store.add(store.photos())
    changed = version(tmp_path / "changed", ProcessedVersion(made.folder).rows)  # its manifest names no class
    assert ProcessedVersion(changed).labels == ProcessedVersion(made.folder).labels == ["daisy", "roses"]
