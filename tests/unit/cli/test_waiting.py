from __future__ import annotations

import io
import time

import pytest

from flowerops.cli import waiting
from flowerops.cli.waiting import Waiting


class Screen(io.StringIO):
    """Counts what was drawn."""

    @property
    def drawn(self) -> int:
        return self.getvalue().count("working, ")


def until(condition, seconds=60.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.fixture
def at_once(monkeypatch):
    monkeypatch.setattr(waiting, "_QUIET_S", 0.0)
    monkeypatch.setattr(waiting, "_FRAME_S", 0.001)


def test_silence_is_drawn_over_and_erased(at_once):
    screen = Screen()
    line = Waiting(screen)
    line.begin()
    until(lambda: screen.drawn > 1)
    line.end()
    assert screen.getvalue().endswith("\r\x1b[K")
    before = screen.drawn
    time.sleep(0.02)
    assert screen.drawn == before


def test_nothing_is_drawn_while_somebody_speaks(at_once):
    screen = Screen()
    line = Waiting(screen)
    line.begin()
    until(lambda: screen.drawn > 0)
    with line.aside():
        assert screen.getvalue().endswith("\r\x1b[K")
        before = screen.drawn
        with line.aside():
            time.sleep(0.02)
        time.sleep(0.02)
        assert screen.drawn == before
    until(lambda: screen.drawn > before)
    line.end()


def test_what_is_said_at_once_leaves_no_trace():
    screen = Screen()
    line = Waiting(screen)
    line.begin()
    with line.aside():
        screen.write("done\n")
    line.end()
    assert screen.getvalue() == "done\n"


def test_a_terminal_that_is_gone_stops_nothing(at_once):
    screen = Screen()
    line = Waiting(screen)
    screen.close()
    line.begin()
    time.sleep(0.02)
    line.end()
