"""Versions and times of retrainings, as people and builds name them."""

from __future__ import annotations

import pytest

from flowerops import __version__
from flowerops.domain.build import BuildInfo, CodeInfo
from flowerops.domain.progress import SilentProgress
from flowerops.errors import UsageError
from flowerops.services.pipeline import Caller
from flowerops.services.retraining_names import check_schedule, version_of

LAPTOP = BuildInfo(kind="laptop", id="me@here")
COMMIT = "0123456789abcdef" * 2 + "01234567"


def caller(build: BuildInfo = LAPTOP, code: CodeInfo | None = None) -> Caller:
    return Caller(build, code or CodeInfo(), SilentProgress())


@pytest.mark.parametrize(
    ("given", "asks", "expected"),
    [
        ("1.4.0", caller(), "1.4.0"),
        (None, caller(BuildInfo(kind="azure-devops", id="20240501.3")), "20240501.3"),
        (None, caller(BuildInfo(kind="given", id="release/1 ü")), "release-1"),
        (None, caller(code=CodeInfo(commit=COMMIT)), COMMIT[:12]),
        (None, caller(code=CodeInfo(commit=COMMIT, dirty=True, diff_digest="ab" * 32)), f"{COMMIT[:12]}-abababab"),
        (None, caller(), __version__),
    ],
)
def test_the_version_is_that_of_the_build(given, asks, expected):
    assert version_of(given, asks) == expected


@pytest.mark.parametrize("version", ["", "a b", "../x", "x" * 31])
def test_a_version_that_cannot_be_one_is_refused(version):
    with pytest.raises(UsageError, match="--version"):
        version_of(version, caller())


@pytest.mark.parametrize("cron", ["0 3 * * 1", "*/15 * * * *", "0 0,12 1-7 * 1-5", "5 4 1 1 *"])
def test_times(cron):
    check_schedule("nightly", cron)


@pytest.mark.parametrize("cron", ["", "nightly", "0 3 * *", "0 3 * * 1 2024", "@daily", "0 3 * * $(id)"])
def test_no_times(cron):
    with pytest.raises(UsageError, match="are no times"):
        check_schedule("nightly", cron)


@pytest.mark.parametrize("name", ["", "a b", "x/y", "-x"])
def test_a_name_that_no_schedule_may_have(name):
    with pytest.raises(UsageError, match="schedule name"):
        check_schedule(name, "0 3 * * 1")
