"""What the list of torture forgot: devices for files, numbers beyond reason, streams that are gone, nested settings."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from helpers.command import clean_environment, command_line, flowerops

LONG = "x" * 300
DEEP = "[" * 50_000


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("predict", "/dev/zero"), 3, "larger than 256 MiB"),
        (("data", "import", "pipe"), 3, "not a regular file"),
        (("preprocess", "--data-folder", "pipe"), 3, "is a file, not a folder"),
        (("preprocess", "--data-folder", "/dev/zero"), 3, "is a file, not a folder"),
        (("train", "--params", "/dev/zero"), 2, "larger than 1 MiB"),
        (("train", "--params", DEEP), 2, "--params [[["),
        (("train", "--params", '{"a": ' + DEEP), 2, "--params is not JSON"),
        (("data", "list", "--home", LONG), 2, "the name is too long"),
        (("preprocess", "--workers", "1000000000"), 2, "workers"),
        (("preprocess", "--image-size", "-1"), 2, "image-size"),
        (("preprocess", "--max-bad", "nan"), 2, "not between 0% and 100%"),
        (("train", "--learning-rate", "nan"), 2, "learning_rate"),
        (("train", "--learning-rate", "inf"), 2, "learning_rate"),
        (("train", "--epochs", "-3"), 2, "epochs"),
        (("train", "--batch-size", "1000000000000"), 2, "batch_size"),
        (("train", "--seed", "9" * 40), 2, "seed"),
    ],
    ids=lambda value: " ".join(one[:20] for one in value) if isinstance(value, tuple) else None,
)
def test_devices_pipes_and_numbers_beyond_reason_are_refused(
    tmp_path: Path, arguments: tuple[str, ...], code: int, words: str
) -> None:
    os.mkfifo(tmp_path / "pipe")
    outcome = flowerops(*arguments, cwd=tmp_path)
    assert outcome.code == code, outcome
    assert words in outcome.stderr
    assert "Traceback" not in outcome.stderr
    assert len(outcome.stderr) < 2000
    assert not (tmp_path / ".flowerops/datasets").exists()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("flowerops.toml", f"gate = {DEEP}"),
        ("flowerops.toml", "[" * 100_000),
        (".env", f'FLOWEROPS_GATE={{"a": {DEEP}'),
        (".env", "FLOWEROPS_API_KEY=the-secret\nFLOWEROPS_PORT=-1"),
        (".env", "FLOWEROPS_PORT=99999999999999999999"),
    ],
)
def test_settings_beyond_reason_are_refused_and_no_secret_is_said(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    outcome = flowerops("config", "show", cwd=tmp_path)
    assert outcome.code == 2, outcome
    assert "Traceback" not in outcome.stderr
    assert "the-secret" not in outcome.stderr
    assert len(outcome.stderr) < 2000


@pytest.mark.parametrize(
    ("redirection", "code", "words"),
    [
        ("> /dev/full", 9, "no room left on the disk"),
        (">&-", 0, ""),
        ("<&-", 0, ""),
        ("| true; exit ${PIPESTATUS[0]}", None, ""),
    ],
)
def test_streams_that_are_full_or_gone_end_it_without_a_traceback(
    tmp_path: Path, redirection: str, code: int | None, words: str
) -> None:
    line = " ".join(command_line("config", "show", "--json"))
    done = subprocess.run(
        ["bash", "-c", f"{line} {redirection}"],
        cwd=tmp_path,
        env=clean_environment(LANG="C", LC_ALL="C", PYTHONUTF8="0"),
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert code is None or done.returncode == code, done
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


def test_without_a_home_of_the_user_it_works(tmp_path: Path) -> None:
    env = {name: text for name, text in clean_environment().items() if name != "HOME"}
    done = subprocess.run(
        command_line("data", "list"), cwd=tmp_path, env=env, capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
