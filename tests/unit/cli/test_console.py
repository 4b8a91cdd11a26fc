from __future__ import annotations

import io
import json
import os
import pty
import subprocess
import sys
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console as Screen

from flowerops.cli import console as console_module
from flowerops.cli.console import Console
from flowerops.cli.layout import Verbatim
from flowerops.errors import BadInputError, UsageError


@pytest.fixture(autouse=True)
def no_terminal_forced(monkeypatch):
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE", "NO_COLOR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)


# --- JSON -----------------------------------------------------------------------------------------------------------


def test_a_success_is_one_document_on_stdout(capsys):
    Console("data list", as_json=True).document({"items": [1], "name": "花"})
    out, err = capsys.readouterr()
    assert json.loads(out) == {"schema_version": 1, "command": "data list", "ok": True, "items": [1], "name": "花"}
    assert list(json.loads(out))[:3] == ["schema_version", "command", "ok"]
    assert "花" in out
    assert err == ""


def test_a_failure_is_one_document_on_stdout(capsys):
    error = BadInputError("bad photo", "Mend it.", {"quarantined": [{"path": "a", "reason": "b"}]})
    Console("preprocess", as_json=True).error(error)
    out, err = capsys.readouterr()
    assert json.loads(out) == {
        "schema_version": 1,
        "command": "preprocess",
        "ok": False,
        "error": {
            "code": "bad_input",
            "message": "bad photo",
            "hint": "Mend it.",
            "exit_code": 3,
            "quarantined": [{"path": "a", "reason": "b"}],
        },
    }
    assert err == ""


def test_details_cannot_take_the_place_of_the_code(capsys):
    Console("x", as_json=True).error(UsageError("m", None, {"code": "other", "exit_code": 0}))
    error = json.loads(capsys.readouterr().out)["error"]
    assert (error["code"], error["exit_code"], error["hint"]) == ("usage", 2, None)


def test_a_document_is_json_to_every_reader(capsys):
    Console("x", as_json=True).document({"loss": float("nan"), "deep": [{"a": (float("inf"), 1.5)}]})
    found = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    assert found["loss"] is None
    assert found["deep"] == [{"a": [None, 1.5]}]


@given(st.text(max_size=30))
def test_any_text_comes_back_from_the_document(text):
    """Also lone surrogates: that is how Python spells a path that is not UTF-8."""
    raw = io.BytesIO()
    with pytest.MonkeyPatch.context() as patch:
        stream = io.TextIOWrapper(raw, encoding="utf-8", errors="strict")
        patch.setattr(sys, "stdout", stream)
        Console("x", as_json=True).document({"path": text})
        stream.flush()
    assert json.loads(raw.getvalue()) == {"schema_version": 1, "command": "x", "ok": True, "path": text}


_SPEAK = """
import sys
from flowerops.cli import console as console_module
from flowerops.cli.console import Console
from flowerops.cli.layout import Verbatim
from flowerops.errors import BadInputError
console = Console("predict", as_json=sys.argv[1] == "json")
name = "caf\\udce9 \\U0001f33c \\x1b[2J\\nfake"
if console.as_json:
    console.document({"path": name})
else:
    console.heading(name)
    console.print(name)
    console.facts({name: name})
    console.table([name], [[name]])
    console.message(name)
    console.warning(name)
    console.error(BadInputError(name, name))
"""


def speak(kind: str, encoding: str) -> subprocess.CompletedProcess[bytes]:
    env = {**os.environ, "PYTHONIOENCODING": encoding}
    return subprocess.run([sys.executable, "-c", _SPEAK, kind], capture_output=True, env=env, timeout=60, check=False)


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "latin-1"])
def test_no_name_and_no_encoding_of_the_screen_makes_it_fail(encoding):
    done = speak("text", encoding)
    assert done.returncode == 0, done.stderr
    done = speak("json", encoding)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.decode(encoding))["path"] == "caf\udce9 \U0001f33c \x1b[2J\nfake"


def test_a_name_cannot_steer_the_terminal_or_fake_a_line():
    done = speak("text", "utf-8")
    for said in (done.stdout.decode(), done.stderr.decode()):
        assert "\x1b" not in said
        assert not any(line.startswith("fake") for line in said.splitlines())
        assert "\\x1b[2J\\nfake" in said


# --- lines for people -----------------------------------------------------------------------------------------------


def test_an_error_is_one_or_two_lines_on_stderr(capsys):
    console = Console("x", as_json=False)
    console.error(BadInputError("what.happened/" * 30, "what to do"))
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == ["error: " + "what.happened/" * 30, "hint:  what to do"]
    console.error(BadInputError("alone"))
    assert capsys.readouterr().err == "error: alone\n"


def test_results_go_to_stdout_and_the_rest_to_stderr(capsys):
    console = Console("x", as_json=False)
    console.heading("done")
    console.print("a result")
    console.facts({"name": "flowers", "n": 3})
    console.message("working")
    console.warning("careful")
    out, err = capsys.readouterr()
    assert out.splitlines() == ["✓ done", "a result", "  name  flowers", "  n     3"]
    assert err.splitlines() == ["working", "warning: careful"]


def test_brackets_in_a_text_are_no_markup(capsys):
    console = Console("x", as_json=False)
    console.print("[bold]photos[/] [0/3] \\[x]")
    console.table(["[red]a"], [["[/]"], ["[b]c"]])
    console.error(BadInputError("[link=x]no[/link]"))
    out, err = capsys.readouterr()
    assert out.splitlines()[0] == "[bold]photos[/] [0/3] \\[x]"
    assert [line.strip() for line in out.splitlines()[1:]] == ["[red]a", "[/]", "[b]c"]
    assert err == "error: [link=x]no[/link]\n"


def test_several_lines_stay_several_lines(capsys):
    Console("logs", as_json=False).print("one\n\ttwo \x1b[2J", lines=True)
    assert capsys.readouterr().out == "one\n        two \\x1b[2J\n"


def test_an_empty_table_says_so(capsys):
    Console("x", as_json=False).table(["a"], [])
    assert capsys.readouterr().out == "Nothing here yet.\n"


def test_long_cells_are_folded_never_cut(capsys):
    Console("x", as_json=False).table(["path", "n"], [["x" * 300, 1]])
    assert capsys.readouterr().out.count("x") == 300


# --- progress -------------------------------------------------------------------------------------------------------


def test_elsewhere_than_on_a_terminal_a_task_is_one_line(capsys):
    with Console("x", as_json=False).task("decoding", 1200, "photo") as task:
        for _ in range(1200):
            task.advance()
    out, err = capsys.readouterr()
    assert out == ""
    (line,) = err.splitlines()
    assert line.startswith("decoding: 1,200 photos in ")


def test_elsewhere_than_on_a_terminal_an_epoch_is_one_line(capsys):
    with Console("x", as_json=True).task("training", 2, "epoch") as task:
        task.advance(status="loss 0.5")
        task.advance(status="loss 0.25")
    out, err = capsys.readouterr()
    assert out == ""
    lines = err.splitlines()
    assert lines[:2] == ["epoch 1/2 · loss 0.5", "epoch 2/2 · loss 0.25"]
    assert lines[2].startswith("training: 2 epochs in ")
    assert lines[2].endswith("· loss 0.25")
    assert len(lines) == 3


def test_one_is_singular(capsys):
    with Console("x", as_json=False).task("writing", 1, "image") as task:
        task.advance()
    assert capsys.readouterr().err.startswith("writing: 1 image in ")


def test_a_failing_task_lets_the_failure_through(capsys):
    with pytest.raises(ZeroDivisionError), Console("x", as_json=False).task("decoding", 3, "photo"):
        raise ZeroDivisionError
    assert "decoding: 0" not in capsys.readouterr().err


_BAR = """
import sys
from flowerops.cli import console as console_module
from flowerops.cli.console import Console
from flowerops.cli.layout import Verbatim
console = Console("x", as_json=False)
with console.task("decoding", 3, "photo") as task:
    for number in range(3):
        task.advance(status="almost [done]")
console.print("result")
"""


def on_terminal(**env: str) -> tuple[str, str]:
    """What a terminal shows of stderr, and stdout."""
    master, slave = pty.openpty()
    shown: list[bytes] = []

    def read() -> None:
        try:
            while piece := os.read(master, 4096):
                shown.append(piece)
        except OSError:  # the other side is closed
            pass

    reader = threading.Thread(target=read)
    reader.start()
    done = subprocess.run(
        [sys.executable, "-c", _BAR],
        stdout=subprocess.PIPE,
        stderr=slave,
        env={**os.environ, "TERM": "xterm", **env},
        timeout=60,
    )
    os.close(slave)
    reader.join(10)
    os.close(master)
    assert done.returncode == 0
    return b"".join(shown).decode(), done.stdout.decode()


def test_on_a_terminal_there_is_a_bar_and_results_stay_clean():
    shown, out = on_terminal()
    assert "━" in shown
    assert "3/3" in shown
    assert "almost [done]" in shown
    assert "decoding: 3 photos in " in shown
    assert out == "result\n"


def test_no_color_is_heeded():
    assert "\x1b[31m" not in on_terminal(NO_COLOR="1")[0]
    colours = ("\x1b[3", "\x1b[1;3", "\x1b[38")
    assert not any(code in on_terminal(NO_COLOR="1")[0] for code in colours)


def test_work_that_takes_long_says_now_and_then_how_far_it_is(monkeypatch, capsys):
    clock = [100.0]
    monkeypatch.setattr(console_module.time, "monotonic", lambda: clock[0])
    with Console("preprocess", as_json=False).task("reading photos", 300, "file") as task:
        for _ in range(5):
            clock[0] += 20
            task.advance(30)
    said = [line for line in capsys.readouterr().err.splitlines() if " of " in line]
    assert said == [
        "reading photos: 60 of 300, 1.5 files/s, about 2 min 40 s left",
        "reading photos: 120 of 300, 1.5 files/s, about 2 min 0 s left",
    ]


# --- a narrow terminal ----------------------------------------------------------------------------------------------


@pytest.fixture
def narrow():
    """A console on a terminal of 60 columns, and what it has shown."""
    console, shown = Console("x", as_json=False), io.StringIO()
    console._out = console._err = Screen(file=shown, force_terminal=True, width=60, color_system=None, emoji=False)
    return console, shown


def test_a_table_that_does_not_fit_becomes_records(narrow):
    console, shown = narrow
    row = ("flowers", "http://127.0.0.1:8890", "flower_classifier:12345", "", "2026-11-28")
    console.table(("endpoint", "url", "model", "role", "since"), [row])
    assert shown.getvalue().splitlines() == [
        "flowers",
        "  url http://127.0.0.1:8890 ·",
        "  model flower_classifier:12345 · since 2026-11-28",
    ]


def test_a_long_reason_wraps_in_its_column(narrow):
    console, shown = narrow
    console.table(("what", "why"), [("gate", "There is no champion yet. The accuracy is 73.3 % on 15 test images.")])
    lines = shown.getvalue().splitlines()
    assert len(lines) == 3
    assert all(len(line) <= 60 for line in lines)
    assert lines[1].startswith("gate  There is")
    assert lines[2].startswith("      ")


def test_prose_wraps_and_commands_do_not(narrow):
    console, shown = narrow
    console.facts({"gate": "one two " * 12, "try it": Verbatim("curl " * 20)})
    lines = shown.getvalue().splitlines()
    assert lines[0].startswith("  gate    one two")
    assert lines[1].startswith(" " * 10 + "one two")
    assert lines[-1].count("curl") == 20
    console.next("flowerops evaluate --run 4f2e5ab25f2f103a0650d36578d94c69 --name flower_classifier")
    assert shown.getvalue().splitlines()[-1].startswith("next: flowerops evaluate")


def test_a_command_in_a_hint_stays_whole(narrow):
    console, shown = narrow
    console.error(BadInputError("m", "Label some of these photos, then: flowerops train --data-folder DIR --extend"))
    assert "       flowerops train --data-folder DIR --extend" in shown.getvalue().splitlines()
    assert "\N{NO-BREAK SPACE}" not in shown.getvalue()


def test_of_a_long_list_the_beginning_is_shown(narrow):
    console, shown = narrow
    console.items([f"photo {number}" for number in range(5)], most=3)
    assert shown.getvalue().splitlines() == ["  photo 0", "  photo 1", "  photo 2", "  … and 2 more; --json lists all"]


def test_a_table_in_a_pipe_is_as_wide_as_its_cells(capsys):
    cells = ["a" * 50, "killed (abandoned) in train", "b" * 60]
    Console("runs list", as_json=False).table(["run", "status", "experiment"], [cells, ["c", "ok", "d"]])
    assert "  ".join(cells) in capsys.readouterr().out.splitlines()[1]
