from __future__ import annotations

import gzip
import io
import random
import stat
import tarfile
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowerops.domain.progress import SilentProgress
from flowerops.errors import BadInputError
from flowerops.io.archives import archive_kind, unpack
from flowerops.io.budget import Budget

FILES = {"daisy/1.jpg": b"one", "daisy/2.jpg": b"", "roses/deep/3.jpg": b"three" * 1000}


def make_zip(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def make_tar(path: Path, files: dict[str, bytes], mode: str = "w:gz") -> Path:
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return path


def make_plain_tar(path: Path, files: dict[str, bytes]) -> Path:
    return make_tar(path, files, "w")


MAKERS = [make_zip, make_tar, make_plain_tar]


def run(archive: Path, budget: Budget | None = None) -> dict[str, bytes]:
    folder = archive.parent / "out"
    folder.mkdir()
    unpack(archive, folder, SilentProgress(), budget)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("make", MAKERS)
def test_every_file_comes_out_and_the_name_of_the_archive_plays_no_part(tmp_path: Path, make: Callable) -> None:  # type: ignore[type-arg]
    archive = make(tmp_path / "photos.dat", FILES)
    assert archive_kind(archive) == {make_zip: "zip", make_tar: "tar.gz", make_plain_tar: "tar"}[make]
    assert run(archive) == FILES


def test_folders_and_dots_are_no_trouble(tmp_path):
    with tarfile.open(tmp_path / "a", "w:gz") as archive:
        for name in (".", "./daisy"):
            member = tarfile.TarInfo(name)
            member.type = tarfile.DIRTYPE
            archive.addfile(member)
        member = tarfile.TarInfo("./daisy/" + "x" * 150 + ".jpg")
        member.size = 3
        archive.addfile(member, io.BytesIO(b"abc"))
    assert run(tmp_path / "a") == {"daisy/" + "x" * 150 + ".jpg": b"abc"}


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("name", ["../x.jpg", "/etc/x.jpg", "a/../../x.jpg", "C:/x.jpg", "C:x.jpg", "\\x.jpg", ".."])
def test_a_member_that_leads_out_is_refused(tmp_path: Path, make: Callable, name: str) -> None:  # type: ignore[type-arg]
    archive = make(tmp_path / "a", {"daisy/1.jpg": b"x", name: b"evil"})
    before = set(tmp_path.rglob("*"))
    with pytest.raises(BadInputError, match="leads out of the folder") as caught:
        run(archive)
    assert caught.value.exit_code == 3
    assert {path.name for path in set(tmp_path.rglob("*")) - before} == {"out", "daisy", "1.jpg"}


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_links_and_devices_in_a_tar_are_refused(tmp_path: Path, kind: bytes) -> None:
    with tarfile.open(tmp_path / "a", "w:gz") as archive:
        member = tarfile.TarInfo("daisy/link")
        member.type, member.linkname = kind, "/etc/passwd"
        archive.addfile(member)
    with pytest.raises(BadInputError, match="is a link, a device"):
        run(tmp_path / "a")


def test_a_link_in_a_zip_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a", "w") as archive:
        member = zipfile.ZipInfo("daisy/link")
        member.create_system = 3
        member.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(member, "/etc/passwd")
    with pytest.raises(BadInputError, match="is a link or a device"):
        run(tmp_path / "a")


def test_an_encrypted_zip_is_refused(tmp_path):
    make_zip(tmp_path / "a", {"daisy/1.jpg": b"x"})
    data = bytearray((tmp_path / "a").read_bytes())
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "a").write_bytes(data)
    with pytest.raises(BadInputError, match="is encrypted"):
        run(tmp_path / "a")


@pytest.mark.parametrize("make", [make_zip, make_tar])
def test_a_bomb_is_stopped_by_what_comes_out_of_it(tmp_path: Path, make: Callable) -> None:  # type: ignore[type-arg]
    archive = make(tmp_path / "a", {"daisy/zeros.jpg": bytes(20_000_000)})
    assert archive.stat().st_size < 100_000
    with pytest.raises(BadInputError, match="beyond all measure"):
        run(archive, Budget(10, 5_000_000))
    written = sum(path.stat().st_size for path in (tmp_path / "out").rglob("*") if path.is_file())
    assert written <= 5_000_000


def test_the_usual_budget_follows_the_size_within_bounds(tmp_path):
    (tmp_path / "small").write_bytes(b"x" * 100)
    assert Budget.for_file(tmp_path / "small").bytes == 1 << 30
    with (tmp_path / "large").open("wb") as stream:
        stream.truncate(100 << 20)
    assert Budget.for_file(tmp_path / "large").bytes == 100 * (100 << 20)
    with (tmp_path / "huge").open("wb") as stream:
        stream.truncate(1 << 40)
    assert Budget.for_file(tmp_path / "huge").bytes == 200 << 30


@pytest.mark.parametrize("make", MAKERS)
def test_too_many_files_are_refused(tmp_path: Path, make: Callable) -> None:  # type: ignore[type-arg]
    archive = make(tmp_path / "a", {f"daisy/{number}.jpg": b"" for number in range(20)})
    with pytest.raises(BadInputError, match="too many files"):
        run(archive, Budget(10, 1000))


def test_a_header_of_a_gigabyte_does_not_fill_the_memory(tmp_path):
    header = tarfile.TarInfo("x")
    header.type, header.size = tarfile.XHDTYPE, 1 << 30
    with gzip.open(tmp_path / "a", "wb", compresslevel=1) as stream:
        stream.write(header.tobuf(tarfile.USTAR_FORMAT))
        stream.write(bytes(64 << 20))
    tracemalloc.start()
    try:
        with pytest.raises(BadInputError, match="header of"):
            run(tmp_path / "a")
        assert tracemalloc.get_traced_memory()[1] < 20e6
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("make", MAKERS)
def test_the_same_name_twice_is_refused(tmp_path: Path, make: Callable) -> None:  # type: ignore[type-arg]
    archive = make(tmp_path / "a", {"daisy/1.jpg": b"x", "daisy/./1.jpg": b"y"})
    with pytest.raises(BadInputError, match="occurs twice"):
        run(archive)


@pytest.mark.parametrize("make", MAKERS)
def test_a_file_below_a_file_is_refused(tmp_path: Path, make: Callable) -> None:  # type: ignore[type-arg]
    archive = make(tmp_path / "a", {"daisy": b"x", "daisy/1.jpg": b"y"})
    with pytest.raises(BadInputError):
        run(archive)


@pytest.mark.parametrize("make", MAKERS)
def test_an_archive_that_is_cut_off_anywhere_is_refused(tmp_path: Path, make: Callable) -> None:  # type: ignore[type-arg]
    import os

    files = {f"daisy/{number}.jpg": os.urandom(700) for number in range(4)}
    whole = make(tmp_path / "whole", files).read_bytes()
    end = len(whole.rstrip(b"\0")) if make is make_plain_tar else len(whole)
    for number, length in enumerate(range(600, end - 1, 157)):
        place = tmp_path / str(number)
        place.mkdir()
        (place / "a").write_bytes(whole[:length])
        with pytest.raises(BadInputError):
            run(place / "a")


@pytest.mark.parametrize("make", [make_zip, make_tar])
def test_changed_bytes_are_noticed(tmp_path: Path, make: Callable) -> None:  # type: ignore[type-arg]
    import os

    data = bytearray(make(tmp_path / "a", {"daisy/1.jpg": os.urandom(5000)}).read_bytes())
    data[3000] ^= 0xFF
    (tmp_path / "a").write_bytes(data)
    with pytest.raises(BadInputError, match="is damaged"):
        run(tmp_path / "a")


def test_something_else_is_no_archive(tmp_path):
    (tmp_path / "a.zip").write_bytes(b"PK, but no archive" * 100)
    with pytest.raises(BadInputError, match="is not a zip"):
        run(tmp_path / "a.zip")


@given(st.binary(max_size=400), st.sampled_from([b"", b"\x1f\x8b\x08", b"PK\x03\x04", b"PK\x05\x06"]))
def test_nonsense_is_refused_in_plain_words(tmp_path_factory: pytest.TempPathFactory, data: bytes, head: bytes) -> None:
    folder = tmp_path_factory.mktemp("nonsense")
    (folder / "a").write_bytes(head + data)
    with pytest.raises(BadInputError):
        run(folder / "a")


@pytest.mark.parametrize("make", MAKERS)
def test_a_name_that_no_file_can_have_is_refused(tmp_path: Path, make: Callable) -> None:  # type: ignore[type-arg]
    with pytest.raises(BadInputError, match="has a name that is too long here"):
        run(make(tmp_path / "a", {"daisy/1.jpg": b"x", f"daisy/{'x' * 300}.jpg": b"y"}))


def test_a_name_that_is_not_the_utf8_that_it_claims_to_be_is_damage(tmp_path):
    archive = make_zip(tmp_path / "a", {"daisy/\u00e9.jpg": b"x"})
    archive.write_bytes(archive.read_bytes().replace("\u00e9".encode(), b"\xff\xfe"))
    with pytest.raises(BadInputError, match="is damaged"):
        run(archive)


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_damage_is_told_whatever_the_method_of_compression(tmp_path: Path, method: int) -> None:
    noise = random.Random(1).randbytes(600)
    for start in range(41, 600, 59):
        folder = tmp_path / str(start)
        folder.mkdir()
        with zipfile.ZipFile(folder / "a", "w", method) as archive:
            archive.writestr("daisy/1.jpg", noise)
        data = bytearray((folder / "a").read_bytes())
        for place in range(start, start + 9):
            data[place] ^= 0xA5
        (folder / "a").write_bytes(data)
        with pytest.raises(BadInputError, match="is damaged"):
            run(folder / "a")


def test_an_index_that_points_out_of_the_archive_is_damage(tmp_path):
    archive = make_zip(tmp_path / "a", {"daisy/1.jpg": b"x"})
    data = archive.read_bytes()
    for offset in (b"\xff\xff\xff\x7f", b"\xff\xff\xff\xfe"):  # where the list of members begins
        archive.write_bytes(data[:-6] + offset + data[-2:])
        with pytest.raises(BadInputError, match=r"is damaged|is not a zip"):
            unpack(archive, tmp_path, SilentProgress())


def test_a_member_without_a_name_is_refused(tmp_path):
    archive = make_zip(tmp_path / "a", {"rose": b"x"})
    data = bytearray(archive.read_bytes())
    central = data.index(b"PK\x01\x02")
    data[central + 28 : central + 32] = b"\0\0\4\0"  # a name of no bytes, and four of extra fields in its place
    data[central + 46 : central + 50] = b"\x99\x99\0\0"
    archive.write_bytes(data)
    with pytest.raises(BadInputError):
        run(archive)
