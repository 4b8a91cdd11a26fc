from __future__ import annotations

import contextlib
import io
import json
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from flowerops.domain.names import Selector
from flowerops.domain.params import PreprocessParams
from flowerops.domain.progress import SilentProgress
from flowerops.errors import BadInputError, RemoteError
from flowerops.io.download import KnownFile
from flowerops.io.hashing import sha256_bytes
from flowerops.services.fetch import FetchRequest, fetch, plan
from flowerops.services.pipeline import Caller, Pipeline, begin
from flowerops.services.preprocess import Prepared, PreprocessRequest
from flowerops.services.public_sets import PUBLIC_SETS, TF_FLOWERS, PublicSet, find_set
from helpers.file_server import FileServer, serving
from helpers.photos import make_photos
from helpers.tiny_store import CONTEXT, SIZE, TinyStore

CALLER = Caller(CONTEXT.build, CONTEXT.code, SilentProgress())
LICENCE = b"All images are licensed under CC BY 2.0\n"


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A small archive laid out like the published one."""
    folder = tmp_path_factory.mktemp("set")
    make_photos(folder / "flower_photos", per_class=12)
    (folder / "flower_photos/LICENSE.txt").write_bytes(LICENCE)
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as tar:
        tar.add(folder / "flower_photos", "flower_photos")
    return stream.getvalue()


@pytest.fixture
def store(tmp_path: Path) -> TinyStore:
    return TinyStore(tmp_path)


def small(archive: bytes, url: str = "http://127.0.0.1:9/flower_photos.tgz") -> PublicSet:
    return replace(TF_FLOWERS, archive=KnownFile(url, sha256_bytes(archive), len(archive)))


def run(store: TinyStore, public: PublicSet, file: Path | None = None) -> tuple[Prepared, dict]:  # type: ignore[type-arg]
    params = PreprocessParams(image_size=SIZE, workers=2)
    request = FetchRequest(public, file, PreprocessRequest(None, Selector("flowers"), params), allow_private=True)

    @contextlib.contextmanager
    def pipeline() -> Iterator[Pipeline]:
        with begin(store.target, CALLER, "tests", "preprocess") as opened:
            yield opened

    assert plan(store.target, request)["bytes"] == public.archive.bytes
    return fetch(store.target, request, CALLER, pipeline)


def test_a_set_is_downloaded_checked_and_taken_in_with_its_licence(store, archive):
    with serving(FileServer(archive, cuts=[1000])) as server:
        prepared, source = run(store, small(archive, server.url))
        assert server.asked == [None, "bytes=1000-"]
        assert prepared.raw.manifest.classes == {"daisy": 12, "roses": 12}
        assert source["downloaded"] is True
        notices = store.home.root / "notices/tf-flowers"
        assert (notices / "LICENSE.txt").read_bytes() == LICENCE
        assert "Creative Commons" in (notices / "NOTICE.txt").read_text()
        assert json.loads((notices / "source.json").read_text())["sha256"] == sha256_bytes(archive)
        assert [path for path in store.home.downloads.iterdir() if path.suffix in (".tgz", ".part")] == []
        assert list(store.home.temp.iterdir()) == []

        again, source = run(store, small(archive, server.url))
        assert (again.reused, again.raw) == (True, prepared.raw)
        assert source["downloaded"] is False
        assert len(server.asked) == 2


def test_an_archive_that_is_here_already_needs_no_network_and_stays(store, archive, tmp_path):
    file = tmp_path / "mine.tgz"
    file.write_bytes(archive)
    prepared, source = run(store, small(archive), file)
    assert prepared.raw.version == 1
    assert source["downloaded"] is False
    assert file.read_bytes() == archive


@pytest.mark.parametrize("change", [lambda data: data + b"x", lambda data: data[:-1] + b"?", lambda data: b""])
def test_another_archive_is_refused_by_its_bytes(store, archive, tmp_path, change):  # type: ignore[no-untyped-def]
    (tmp_path / "mine.tgz").write_bytes(change(archive))
    with pytest.raises(BadInputError, match="is not the published flower_photos"):
        run(store, small(archive), tmp_path / "mine.tgz")
    assert store.target.datasets.all() == []


def test_a_download_of_something_else_is_refused_and_nothing_is_taken_in(store, archive):
    with serving(FileServer(bytes(len(archive)))) as server, pytest.raises(RemoteError, match="not the file"):
        run(store, small(archive, server.url))
    assert store.target.datasets.all() == []
    assert not (store.home.root / "notices").exists()


def test_the_published_archive_is_what_the_project_says():
    known = TF_FLOWERS.archive
    assert known.bytes == 228_813_984
    assert known.sha256 == "4c54ace7911aaffe13a365c34f650e71dd5bf1be0a58b464e5a7183e3e595d9c"
    assert known.url.endswith("/download.tensorflow.org/example_images/flower_photos.tgz")
    assert known.url.startswith("https://")
    assert list(PUBLIC_SETS) == ["tf-flowers"]


def test_a_misspelt_set_gets_a_suggestion():
    with pytest.raises(BadInputError) as caught:
        find_set("tf-flower")
    assert caught.value.hint == "Did you mean 'tf-flowers'?"
