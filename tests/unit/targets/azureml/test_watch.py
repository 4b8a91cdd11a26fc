"""What is read out of a step's log."""

from __future__ import annotations

import json

import pytest

from flowerops.errors import BadInputError
from flowerops.targets.azureml.jobs import _ms
from flowerops.targets.azureml.watch import LogTail

_DOCUMENT = {
    "schema_version": 1,
    "ok": False,
    "error": {"code": "bad_input", "message": "no photos", "hint": "add some", "exit_code": 3},
}


class Log:
    """A run history with one log file that grows."""

    def __init__(self) -> None:
        self.data = b""

    def log_files(self, run_id: str) -> dict[str, str]:
        return {"user_logs/std_log.txt": f"address of {run_id}"}

    def read(self, url: str, start: int) -> bytes:
        return self.data[start:]


def tail_of(log: Log) -> LogTail:
    return LogTail(log, "run")  # type: ignore[arg-type]


def test_each_line_is_told_once_and_only_when_it_is_complete() -> None:
    log = Log()
    tail = tail_of(log)
    log.data = b"one\ntw"
    assert list(tail.lines(ended=False)) == ["one"]
    log.data += "o ä".encode()[:-1]
    assert list(tail.lines(ended=False)) == []
    log.data += "ä".encode()[1:] + b"\nthree"
    assert list(tail.lines(ended=False)) == ["two ä"]
    assert list(tail.lines(ended=True)) == ["three"]


def test_the_document_at_the_end_is_not_for_people_and_becomes_the_error() -> None:
    log = Log()
    log.data = b"reading\n" + json.dumps(_DOCUMENT, indent=2).encode() + b"\n"
    tail = tail_of(log)
    assert list(tail.lines(ended=True)) == ["reading"]
    error = tail.error()
    assert isinstance(error, BadInputError)
    assert (error.message, error.hint) == ("no photos", "add some")


def test_a_log_without_a_document_reports_no_error_but_its_last_lines() -> None:
    log = Log()
    log.data = b"".join(b"line %d\n" % number for number in range(50))
    tail = tail_of(log)
    list(tail.lines(ended=True))
    assert tail.error() is None
    assert tail.last[-1] == "line 49"
    assert len(tail.last) == 20


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-24T18:00:00.1234567+00:00", 1795543200123),
        ("2026-11-24T18:00:00.123456Z", 1795543200123),
        ("2026-11-24T18:00:00Z", 1795543200000),
        (None, None),
    ],
)
def test_times_of_the_service_have_up_to_seven_digits(text: str | None, expected: int | None) -> None:
    assert _ms(text) == expected
