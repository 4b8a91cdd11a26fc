"""doctor on homes and projects in every condition: what it finds, what it mends, and what it leaves alone."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from flowerops.domain.doctor import Finding
from flowerops.io.atomic import TEMP_PREFIX
from flowerops.services.checks import machine, packages
from flowerops.services.checks.patient import Patient
from flowerops.services.doctor import doctor_document, examine
from flowerops.settings import load_settings
from flowerops.targets import open_target
from flowerops.targets.local.home import Home
from flowerops.targets.local.numbers import Numbers

PLACE = ["target", "permissions"]


def patient_of(folder: Path, env: dict[str, str] | None = None, **flags: object) -> Patient:
    settings = load_settings({"home": folder / "home", "target": "local", **flags}, folder)
    return Patient(env or {}, settings, lambda: open_target(settings), folder)


def looked_at(folder: Path, *names: str, fix: bool = False, dry_run: bool = False) -> list[Finding]:
    return examine(patient_of(folder), list(names) or PLACE, fix=fix, dry_run=dry_run)


def wrong(findings: list[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.verdict != "ok"]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path / "home")
    made.prepare()
    return made


def killed_writer(home: Home) -> None:
    """A process that announced itself and was killed."""
    code = (
        "import os, signal, sys\nfrom pathlib import Path\nfrom flowerops.io.presence import announce\n"
        "announce(Path(sys.argv[1]))\nos.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", code, str(home.locks)], check=False)


def test_looking_makes_no_home_and_mending_does(tmp_path: Path) -> None:
    (found,) = looked_at(tmp_path, "target")
    assert found.verdict == "ok"
    assert "the first command makes it" in found.found
    assert not (tmp_path / "home").exists()
    assert "makes it" in str(looked_at(tmp_path, "target", fix=True, dry_run=True)[0].mended)
    assert not (tmp_path / "home").exists()
    mended = looked_at(tmp_path, "target", fix=True)
    assert mended[0].mended == f"made {tmp_path / 'home'}"
    assert (tmp_path / "home" / "home.json").is_file()
    assert not wrong(mended)


def test_a_whole_home_is_whole(tmp_path: Path, home: Home) -> None:
    findings = looked_at(tmp_path)
    assert not wrong(findings)
    assert any("is whole" in finding.found for finding in findings)


def test_what_killed_processes_left_is_found_and_removed(tmp_path: Path, home: Home) -> None:
    killed_writer(home)
    (home.temp / f"{TEMP_PREFIX}abc").mkdir(parents=True)
    (home.temp / f"{TEMP_PREFIX}abc" / "photo").write_bytes(b"x" * 1000)
    home.objects.mkdir()
    found = wrong(looked_at(tmp_path))
    assert len(found) == 2
    assert all("doctor --fix" in str(finding.to_do) for finding in found)
    dry = looked_at(tmp_path, fix=True, dry_run=True)
    assert all(str(finding.mended).startswith("would: ") for finding in wrong(dry))
    assert (home.temp / f"{TEMP_PREFIX}abc").exists()
    mended = looked_at(tmp_path, fix=True)
    assert not wrong(mended)
    assert [finding.mended for finding in mended if finding.mended] == [
        "removed 1 temporary files and folders",
        "removed 1 lock files",
    ]
    assert not list(home.temp.iterdir())
    assert not wrong(looked_at(tmp_path))
    assert home.objects.exists()


def test_nothing_is_removed_while_a_command_writes(tmp_path: Path, home: Home) -> None:
    (home.temp / f"{TEMP_PREFIX}abc").mkdir(parents=True)
    code = (
        "import sys\nfrom pathlib import Path\nfrom flowerops.io.presence import announce\n"
        "announce(Path(sys.argv[1]))\nprint('ready', flush=True)\nsys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(home.locks)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"ready\n"
        found = wrong(looked_at(tmp_path, fix=True))
        assert (home.temp / f"{TEMP_PREFIX}abc").exists()
        assert any("a command is writing" in str(finding.to_do) for finding in found)
        writer.communicate(b"")


def test_a_damaged_ledger_is_a_problem_that_nobody_mends(tmp_path: Path, home: Home) -> None:
    home.numbers.write_bytes(b"no database at all, but long enough to be looked at" * 100)
    found = wrong(looked_at(tmp_path, fix=True))
    assert found
    assert not doctor_document(found)["healthy"]
    assert str(home.numbers) in found[0].found


def test_a_ledger_of_a_newer_mlflow_is_told(tmp_path: Path, home: Home) -> None:
    with sqlite3.connect(home.tracking) as ledger:
        ledger.execute("CREATE TABLE alembic_version (version_num TEXT)")
        ledger.execute("INSERT INTO alembic_version VALUES ('ffffffffffff')")
    (found,) = wrong(looked_at(tmp_path))
    assert "changed by a newer MLflow" in found.found
    assert "3.15.0" in str(found.to_do)


def test_a_version_whose_folder_is_gone_is_named(tmp_path: Path, home: Home) -> None:
    Numbers(home.numbers).number("flowers", "a" * 64)
    (found,) = wrong(looked_at(tmp_path))
    assert "flowers:1 is missing" in found.found
    assert "flowerops data rm flowers:1" in str(found.to_do)


def test_a_home_of_a_newer_layout_is_a_problem(tmp_path: Path, home: Home) -> None:
    (home.root / "home.json").write_text('{"layout": 99}')
    (found,) = wrong(looked_at(tmp_path))
    assert found.verdict == "problem"
    assert "newer flowerops" in found.found


@pytest.mark.parametrize(
    ("name", "text", "secret"),
    [
        (".env", "FLOWEROPS_API_KEY=abc\n", True),
        (".env", "export AZURE_CLIENT_SECRET='abc'\n", True),
        (".env", "#FLOWEROPS_API_KEY=\nFLOWEROPS_DATASET=flowers\nFLOWEROPS_API_KEY=\n", False),
        ("flowerops.toml", 'api_key = "abc"\n', True),
    ],
)
def test_files_with_secrets_are_made_private(tmp_path: Path, name: str, text: str, secret: bool) -> None:
    path = tmp_path / name
    path.write_text(text)
    path.chmod(0o644)
    found = wrong(looked_at(tmp_path, "permissions"))
    assert bool(found) == secret
    assert "abc" not in str(found)
    looked_at(tmp_path, "permissions", fix=True)
    assert stat.S_IMODE(path.stat().st_mode) == (0o600 if secret else 0o644)
    assert path.read_text() == text


def test_a_home_that_everybody_may_change_is_closed(tmp_path: Path, home: Home) -> None:
    home.root.chmod(0o777)
    assert wrong(looked_at(tmp_path, "permissions"))
    assert not wrong(looked_at(tmp_path, "permissions", fix=True))
    assert stat.S_IMODE(home.root.stat().st_mode) == 0o755


def test_a_taken_port_is_told_with_the_way_out(tmp_path: Path, home: Home) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        (found,) = examine(patient_of(tmp_path, port=port), ["port"])
    assert found.verdict == "problem"
    assert f"port {port} is in use" in found.found
    (free,) = examine(patient_of(tmp_path, port=port), ["port"])
    assert free.verdict == "ok"


def test_a_network_file_system_is_recognised(tmp_path: Path) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(f"/dev/vda / ext4 rw 0 0\nserver:/x {tmp_path.resolve()} nfs4 rw 0 0\n")
    assert machine.file_system(tmp_path / "home", mounts) == "nfs4"
    assert machine.file_system(Path("/"), mounts) == "ext4"
    assert machine.file_system(tmp_path, tmp_path / "nothing") is None


def test_this_installation_is_in_versions_that_go_together(tmp_path: Path) -> None:
    assert not [finding for finding in looked_at(tmp_path, "packages", "weights") if finding.verdict == "problem"]


def test_a_package_out_of_range_is_told_with_the_line_that_mends_it() -> None:
    (found,) = packages._out_of_range({"mlflow": "3.17.0", "keras": "3.15.1"})
    assert found.finding.found == "mlflow 3.17.0 is installed, and flowerops needs ==3.15.0"
    assert found.finding.to_do == 'pip install "mlflow==3.15.0"'


def test_every_finding_that_is_not_ok_says_what_to_do(tmp_path: Path, home: Home) -> None:
    killed_writer(home)
    for finding in examine(patient_of(tmp_path, dict(os.environ))):
        assert finding.verdict == "ok" or finding.to_do, finding
