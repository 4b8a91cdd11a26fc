from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from flowerops.domain.progress import SilentProgress
from flowerops.errors import BadInputError, ConflictError, DiskFullError, RemoteError
from flowerops.io import download as downloading
from flowerops.io import ranges
from flowerops.io.download import KnownFile, download
from flowerops.io.hashing import sha256_bytes
from flowerops.io.locks import exclusive
from helpers.file_server import FileServer as AnyFileServer
from helpers.file_server import serving

pytestmark = pytest.mark.usefixtures("short_pauses")

DATA = os.urandom(700_000)


def FileServer(data: bytes = DATA, **behaviour: object) -> AnyFileServer:  # noqa: N802 - reads as the class it makes
    return AnyFileServer(data, **behaviour)  # type: ignore[arg-type]


def get(server: AnyFileServer, target: Path, data: bytes = DATA) -> Path:
    known = KnownFile(server.url, sha256_bytes(data), len(data))
    return download(known, target, SilentProgress(), allow_private=True)


def test_a_file_comes_whole_and_is_asked_for_once(tmp_path):
    with serving(FileServer()) as server:
        target = get(server, tmp_path / "new/file.tgz")
        assert target.read_bytes() == DATA
        get(server, target)
    assert server.asked == [None]
    assert not target.with_name("file.tgz.part").exists()


def test_a_connection_that_breaks_is_taken_up_where_it_broke(tmp_path):
    with serving(FileServer(cuts=[100_000, 200_000, 1])) as server:
        assert get(server, tmp_path / "f").read_bytes() == DATA
    assert server.asked == [None, "bytes=100000-", "bytes=300000-", "bytes=300001-"]


def test_what_an_earlier_process_left_is_not_asked_for_again(tmp_path):
    (tmp_path / "f.part").write_bytes(DATA[:650_000])
    with serving(FileServer()) as server:
        assert get(server, tmp_path / "f").read_bytes() == DATA
    assert server.asked == ["bytes=650000-"]


def test_a_part_that_is_complete_already_needs_no_request(tmp_path):
    (tmp_path / "f.part").write_bytes(DATA)
    with serving(FileServer()) as server:
        assert get(server, tmp_path / "f").read_bytes() == DATA
    assert server.asked == []


@pytest.mark.parametrize("left", [b"other" * 1000, DATA + b"more", bytes(len(DATA))])
def test_a_part_of_another_file_is_thrown_away(tmp_path: Path, left: bytes) -> None:
    (tmp_path / "f.part").write_bytes(left)
    with serving(FileServer()) as server:
        assert get(server, tmp_path / "f").read_bytes() == DATA
    assert server.asked[-1] is None


def test_a_server_without_ranges_sends_everything_again(tmp_path):
    with serving(FileServer(cuts=[300_000], ranges=False)) as server:
        assert get(server, tmp_path / "f").read_bytes() == DATA
    assert server.asked == [None, "bytes=300000-"]


@pytest.mark.parametrize("data", [DATA[:-1], DATA + b"x", bytes(len(DATA))])
def test_another_file_than_the_published_one_is_refused_and_not_kept(tmp_path: Path, data: bytes) -> None:
    with (
        serving(FileServer(data=data)) as server,
        pytest.raises(RemoteError, match="is not the file that was published"),
    ):
        get(server, tmp_path / "f")
    assert {path.name for path in tmp_path.iterdir()} <= {"f.lock", "f.lock.owner"}


def test_a_busy_server_is_given_time_and_a_missing_file_is_not(tmp_path):
    with serving(FileServer(statuses=[(503, {"Retry-After": "0"}), (429, {})])) as server:
        assert get(server, tmp_path / "f").read_bytes() == DATA
    with serving(FileServer(statuses=[(404, {})])) as server, pytest.raises(RemoteError, match="status 404"):
        get(server, tmp_path / "g")
    assert len(server.asked) == 1


def test_a_server_that_never_gets_further_is_given_up_and_the_part_stays(tmp_path):
    with serving(FileServer(cuts=[1000] + [0] * 20)) as server, pytest.raises(RemoteError):
        get(server, tmp_path / "f")
    assert len(server.asked) == 1 + 5
    assert (tmp_path / "f.part").read_bytes() == DATA[:1000]
    with serving(FileServer()) as server:
        assert get(server, tmp_path / "f").read_bytes() == DATA
    assert server.asked == ["bytes=1000-"]


def test_a_server_that_falls_silent_is_left(tmp_path, monkeypatch):
    monkeypatch.setattr(ranges, "_STALL_S", 0.2)
    monkeypatch.setattr(downloading, "_TRIES", 2)
    from helpers.scripted_server import scripted_server

    silence = threading.Event()
    with (
        scripted_server(lambda connection, _: silence.wait(3)) as server,
        pytest.raises(RemoteError, match="timed out"),
    ):
        get(FileServer(url=server.url), tmp_path / "f")
    silence.set()


def test_redirects_are_followed_but_not_for_ever_and_not_elsewhere(tmp_path):
    with serving(FileServer()) as last, serving(FileServer(statuses=[(302, {"Location": last.url})])) as first:
        assert get(first, tmp_path / "f").read_bytes() == DATA
    turning = FileServer(statuses=[(302, {"Location": "/again"})] * 20)
    with serving(turning), pytest.raises(RemoteError, match="more than 5 redirects"):
        get(turning, tmp_path / "g")
    leading_away = FileServer(statuses=[(302, {"Location": "file:///etc/passwd"})])
    with serving(leading_away), pytest.raises(BadInputError, match="not an http or https URL"):
        get(leading_away, tmp_path / "h")


def test_private_addresses_are_refused_unless_they_are_allowed(tmp_path):
    with serving(FileServer()) as server, pytest.raises(BadInputError, match="not a public address"):
        download(KnownFile(server.url, sha256_bytes(DATA), len(DATA)), tmp_path / "f", SilentProgress())
    assert server.asked == []


def test_the_room_on_the_disk_is_looked_at_first(tmp_path):
    with serving(FileServer()) as server, pytest.raises(DiskFullError, match=r"needs .* MB, the disk has .* MB free"):
        download(KnownFile(server.url, "0" * 64, 1 << 60), tmp_path / "f", SilentProgress(), allow_private=True)
    assert server.asked == []


def test_a_disk_that_fills_up_is_no_broken_connection(tmp_path, monkeypatch):
    resource = pytest.importorskip("resource")
    import signal

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        with serving(FileServer()) as server:
            resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, before[1]))
            with pytest.raises(DiskFullError, match="no room left"):
                get(server, tmp_path / "f")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert len(server.asked) == 1


def test_two_downloads_of_one_file_do_not_mix(tmp_path):
    refused = pytest.raises(ConflictError, match="the download of f is locked")
    with serving(FileServer()) as server, exclusive(tmp_path / "f.lock", "somebody"), refused:
        get(server, tmp_path / "f")
    assert server.asked == []
