from __future__ import annotations

from pathlib import Path

from flowerops.targets.local.growing_file import GrowingFile
from helpers.growing_logs import begin_anew, grow


def test_a_reader_gets_each_line_once_across_a_new_file(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    grow(log, "before")
    reader = GrowingFile(log, skip_to_end=True)
    grow(log, "1")
    assert reader.read() == ["1"]
    grow(log, "2")
    begin_anew(log)
    grow(log, "3")
    assert reader.read() == ["2", "3"]
    with log.open("a") as stream:
        stream.write("half")
        stream.flush()
        assert reader.read() == []
        stream.write(" a line\n")
    assert reader.read() == ["half a line"]
    assert reader.read() == []


def test_a_reader_of_a_log_that_is_not_there_yet_waits_for_it(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    reader = GrowingFile(log)
    assert reader.read() == []
    grow(log, "1")
    assert reader.read() == ["1"]


def test_a_reader_that_begins_at_the_end_gets_the_whole_of_the_line_that_is_being_written(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    grow(log, "x" * 300_000, "before")
    with log.open("a") as stream:
        stream.write("half")
        stream.flush()
        reader = GrowingFile(log, skip_to_end=True)
        stream.write(" a line\n")
    assert reader.read() == ["half a line"]
