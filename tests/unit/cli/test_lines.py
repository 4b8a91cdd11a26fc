"""The log of a step gets what is said while it works, whatever the screen shows."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from flowerops.cli.console import Console
from flowerops.cli.lines import LogFile, commands_hidden, spelled_out

_WORK = """
import sys
from pathlib import Path
from flowerops.cli.console import Console
console = Console("step train", as_json=True, log=Path(sys.argv[1]))
console.message("12 features computed")
with console.task("training", 2, "epoch") as task:
    for number in range(2):
        task.advance(status=f"loss 0.{number}")
with console.task("exporting", 1, "file") as task:
    task.advance()
console.warning("odd \\x1b[2J name")
"""
SAID = ["12 features computed", "epoch 1/2 · loss 0.0", "epoch 2/2 · loss 0.1"]


def _check(file: Path) -> None:
    lines = file.read_text().splitlines()
    assert lines[:3] == SAID
    assert lines[3].startswith("training: 2 epochs in ")
    assert lines[4].startswith("exporting: 1 file in ")
    assert lines[5:] == ["warning: odd \\x1b[2J name"]


def test_the_log_has_the_lines_of_a_screen_without_bars(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _WORK, str(tmp_path / "logs/train.log")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30)
    assert done.stdout == ""
    _check(tmp_path / "logs/train.log")
    assert done.stderr.splitlines() == (tmp_path / "logs/train.log").read_text().splitlines()


def test_the_log_has_epochs_where_the_screen_has_a_bar(tmp_path: Path) -> None:
    master, slave = pty.openpty()
    try:
        subprocess.run(
            [sys.executable, "-c", _WORK, str(tmp_path / "train.log")],
            stderr=slave,
            check=True,
            timeout=30,
            env=os.environ | {"TERM": "xterm"},
        )
    finally:
        os.close(slave)
        os.close(master)
    _check(tmp_path / "train.log")


def test_a_log_that_cannot_be_written_does_not_stop_the_work(tmp_path: Path, capsys) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "file").write_text("")
    Console("step train", as_json=False, log=tmp_path / "file" / "train.log").message("goes on")
    assert capsys.readouterr().err == "goes on\n"


def test_text_is_added_as_it_is_and_every_character_fits(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "x.log")
    log.append("Traceback\n  line\n")
    log.append("caf\udce9\n")
    assert (tmp_path / "x.log").read_text() == "Traceback\n  line\ncaf\\udce9\n"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("photo ##vso[task.setvariable variable=PATH]x.jpg", "photo \\x23#vso[task.setvariable variable=PATH]x.jpg"),
        ("##VSO[a]", "\\x23#VSO[a]"),
        ("##[add-mask]x", "\\x23#[add-mask]x"),
        ("::add-mask::x", "\\x3a:add-mask::x"),
        ("first\n  ::error::x", "first\n  \\x3a:error::x"),
        ("a::b ## c [d]", "a::b ## c [d]"),
    ],
)
def test_no_name_gives_orders_to_the_agent_of_a_pipeline(text: str, shown: str) -> None:
    assert spelled_out(text, kept="\n") == shown
    document = json.dumps([text])
    assert json.loads(commands_hidden(document)) == [text]
    assert "##vso[" not in commands_hidden(document).lower()
