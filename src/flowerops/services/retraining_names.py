"""How versions of a published pipeline, and names and times of a schedule, may look."""

from __future__ import annotations

import re

from flowerops import __version__
from flowerops.errors import UsageError
from flowerops.services.pipeline import Caller

_NOT_IN_A_VERSION = re.compile(r"[^A-Za-z0-9._-]+")
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,29}")
_FIELD = r"(\*|\d+(-\d+)?)(/\d+)?"
_CRON = re.compile(rf"{_FIELD}(,{_FIELD})*")
_SCHEDULE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{1,62}")


def version_of(version: str | None, caller: Caller) -> str:
    """The version given, else that of a CI system's build, else of the commit, else of this program.

    Raises:
        UsageError: It has characters that no version may have.
    """
    if version is not None:
        if not _VERSION.fullmatch(version):
            raise UsageError(
                f"--version {version!r} is not allowed", "Use letters, digits, '.', '_' and '-', 30 at most."
            )
        return version
    if caller.build.kind != "laptop":
        found = caller.build.id
    elif caller.code.commit:
        found = caller.code.commit[:12] + (f"-{(caller.code.diff_digest or '')[:8]}" if caller.code.dirty else "")
    else:
        found = __version__
    return _NOT_IN_A_VERSION.sub("-", found).strip("-._")[:30] or __version__


def check_schedule(name: str, cron: str) -> None:
    """Refuse a name or times that no schedule may have.

    Raises:
        UsageError: They are such.
    """
    if not _SCHEDULE_NAME.fullmatch(name):
        raise UsageError(f"schedule name {name!r} is not allowed", "Use letters, digits, '_' and '-'.")
    fields = cron.split()
    if len(fields) != 5 or not all(_CRON.fullmatch(field) for field in fields):
        raise UsageError(
            f"{cron!r} are no times", 'Write minute, hour, day, month and weekday, in UTC: "0 3 * * 1" is Mondays at 3.'
        )
