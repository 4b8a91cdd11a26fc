from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from flowerops.errors import StoreIntegrityError, UsageError
from flowerops.targets.local.home import LAYOUT_VERSION, Home
from helpers.unprivileged import open_folder, run_unprivileged


def test_a_home_is_made_where_there_is_none(tmp_path):
    home = Home(tmp_path / "a" / "b")
    home.prepare()
    home.prepare()
    assert json.loads((tmp_path / "a" / "b" / "home.json").read_text()) == {"layout": LAYOUT_VERSION}
    assert [path.name for path in home.root.iterdir()] == ["home.json"]


def test_everything_lies_below_the_home(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    home = Home(Path("relative"))
    monkeypatch.chdir("/")
    assert home.root == tmp_path / "relative"
    places = [value for value in vars(home).values() if isinstance(value, Path)]
    assert len(set(places)) == len(places)
    assert all(place.is_relative_to(home.root) for place in [*places, home.run_folder("r1")])


def test_several_may_make_the_home_at_once(tmp_path):
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: Home(tmp_path / "home").prepare(), range(16)))
    assert [path.name for path in (tmp_path / "home").iterdir()] == ["home.json"]


@pytest.mark.parametrize("place", ["file", "file/below"])
def test_a_file_is_no_home(tmp_path, place):
    (tmp_path / "file").write_text("x")
    with pytest.raises(UsageError, match="is not a folder") as caught:
        Home(tmp_path / place).prepare()
    assert "--home" in (caught.value.hint or "")
    assert (tmp_path / "file").read_text() == "x"


def test_a_home_of_a_newer_version_is_refused(tmp_path):
    (tmp_path / "home.json").write_text(json.dumps({"layout": LAYOUT_VERSION + 1}))
    with pytest.raises(UsageError, match="newer flowerops"):
        Home(tmp_path).prepare()


@pytest.mark.parametrize("content", ["", "{}", '{"layout": "x"}'])
def test_a_damaged_marker_is_an_integrity_error(tmp_path, content):
    (tmp_path / "home.json").write_text(content)
    with pytest.raises(StoreIntegrityError, match=r"home\.json"):
        Home(tmp_path).prepare()


_PREPARE = """
import sys
from pathlib import Path
from flowerops.errors import FlowerOpsError
from flowerops.targets.local.home import Home
try:
    Home(Path(sys.argv[1])).prepare()
except FlowerOpsError as error:
    print(error.message, error.hint)
    sys.exit(error.exit_code)
"""


@pytest.mark.parametrize("mode", [0o555, 0o000])
@pytest.mark.parametrize("below", [".", "home"])
def test_a_home_that_cannot_be_written_is_named(mode, below):
    with open_folder() as folder:
        (folder / "locked").mkdir()
        (folder / "locked").chmod(mode)
        done = run_unprivileged(_PREPARE, folder / "locked" / below)
    assert done.returncode == UsageError.exit_code, done.stderr
    assert f"not writable: {folder / 'locked'}" in done.stdout
    assert "--home" in done.stdout


def test_a_read_only_home_that_is_complete_can_be_used():
    with open_folder() as folder:
        Home(folder).prepare()
        folder.chmod(0o555)
        done = run_unprivileged(_PREPARE, folder)
    assert done.returncode == 0, done.stderr
