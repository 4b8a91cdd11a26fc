from __future__ import annotations

from pathlib import Path

import pytest

from flowerops.cli.layout import Verbatim, columns_that_fit, counted, flowed, minute, short_path, size

LONG = "The accuracy is 73.3 % on 15 test images, and the interval goes from 48.0 % to 89.1 %."


def test_words_wrap_below_each_other():
    lines = flowed(LONG, 60, 20)
    assert all(len(line) <= 40 for line in lines[:1])
    assert all(len(line) <= 60 and line.startswith(" " * 20) for line in lines[1:])
    assert " ".join(line.strip() for line in lines) == LONG


@pytest.mark.parametrize("text", [LONG, Verbatim(LONG)])
def test_without_a_screen_and_for_what_is_copied_there_is_one_line(text):
    assert flowed(text, None, 8) == [LONG]
    assert flowed(Verbatim(text), 60, 8) == [LONG]


def test_a_path_is_never_broken():
    path = "/home/somebody/" + "folder/" * 20
    assert flowed(f"see {path}", 60, 4) == ["see", "    " + path]


@pytest.mark.parametrize(
    ("widths", "prose", "screen", "expected"),
    [
        ([10, 10], [False, False], 22, "natural"),
        ([10, 10], [False, False], 21, "records"),
        ([10, 90], [False, True], 80, [10, 68]),
        ([50, 90], [False, True], 70, "records"),
        ([60, 30], [False, True], 90, [60, 28]),
    ],
)
def test_a_table_narrows_a_column_of_words_or_becomes_records(widths, prose, screen, expected):
    assert columns_that_fit(widths, prose, screen) == expected


def test_a_path_below_this_folder_is_said_as_it_would_be_typed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert short_path(tmp_path / "a" / "b.html") == "a/b.html"
    assert short_path("a/b.html") == "a/b.html"
    assert short_path(Path("/elsewhere/b.html")) == "/elsewhere/b.html"


def test_sizes_times_and_counts():
    assert [size(n) for n in (0, 812, 4100, 28_200_000, 1.3e9)] == [
        "0 bytes",
        "812 bytes",
        "4.1 kB",
        "28.2 MB",
        "1.3 GB",
    ]
    assert minute("2026-11-28T14:16:00+00:00") == "2026-11-28 14:16"
    assert (counted(1, "photo"), counted(2000, "photo")) == ("1 photo", "2,000 photos")
