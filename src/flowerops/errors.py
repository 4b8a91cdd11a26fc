"""Every failure that a user can act on, with its code in JSON and its exit code."""

from __future__ import annotations

import re
from typing import Any


class FlowerOpsError(Exception):
    """A failure with a plain message, a hint on what to do, and a documented exit code.

    Args:
        message: One line: what went wrong, and with which file or field.
        hint: One line: what to do about it.
        details: JSON values that `--json` adds to the error document.
    """

    code = "unexpected"
    exit_code = 1

    def __init__(self, message: str, hint: str | None = None, details: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.details = details or {}


class UsageError(FlowerOpsError):
    """The command line, a setting or the installation does not allow what was asked."""

    code, exit_code = "usage", 2


class BadInputError(FlowerOpsError):
    """The data, a name or a file given by the user cannot be used."""

    code, exit_code = "bad_input", 3


class GateRejectedError(FlowerOpsError):
    """The promotion gate said no."""

    code, exit_code = "gate_rejected", 4


class DriftFoundError(FlowerOpsError):
    """New photos are not like those of the reference."""

    code, exit_code = "drift", 4


class GateInconclusiveError(FlowerOpsError):
    """The gate could not tell, and --strict wants to be told that as a failure."""

    code, exit_code = "gate_inconclusive", 4


class StoreIntegrityError(FlowerOpsError):
    """Stored bytes are not the bytes that were written."""

    code, exit_code = "integrity", 5


class NotReproducedError(FlowerOpsError):
    """A model that was trained again came out different."""

    code, exit_code = "not_reproduced", 5


class ConflictError(FlowerOpsError):
    """Somebody else holds the lock, the port or the name, or the state moved meanwhile."""

    code, exit_code = "conflict", 6


class RemoteError(FlowerOpsError):
    """A server, a job or a step failed."""

    code, exit_code = "remote_failed", 7


class CredentialsError(FlowerOpsError):
    """Nobody could sign in."""

    code, exit_code = "credentials", 8


class DiskFullError(FlowerOpsError):
    """The disk has no room left."""

    code, exit_code = "disk_full", 9


class SmokeTestFailedError(FlowerOpsError):
    """The endpoint answered, but not as it must."""

    code, exit_code = "smoke_test_failed", 10


class CanaryFailedError(SmokeTestFailedError):
    """A deployment did not keep up with its share of the traffic, and lost it."""

    code = "canary_failed"


class InterruptedRunError(FlowerOpsError):
    """Somebody pressed Ctrl-C."""

    code, exit_code = "interrupted", 130


class TerminatedRunError(FlowerOpsError):
    """The system asked the process to end (SIGTERM)."""

    code, exit_code = "terminated", 143


def first_line(error: BaseException) -> str:
    """What an error says, without what follows in further lines; its kind where it says nothing."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


_PLAIN = (
    (r"Input should be a valid integer.*", "must be a whole number"),
    (r"Input should be a valid number.*", "must be a number"),
    (r"Input should be a valid boolean.*", "must be true or false"),
    (r"Input should be less than or equal to (\S+)", r"must be at most \1"),
    (r"Input should be greater than or equal to (\S+)", r"must be at least \1"),
    (r"Input should be less than (\S+)", r"must be below \1"),
    (r"Input should be greater than (\S+)", r"must be above \1"),
    (r"Input should be ", "must be "),
    (r"Value error, ", ""),
)


def in_plain_words(message: str) -> str:
    """What pydantic says of a value, in words that need no programmer."""
    for pattern, words in _PLAIN:
        message = re.sub(pattern, words, message)
    return message


def _descendants(root: type[FlowerOpsError]) -> list[type[FlowerOpsError]]:
    return [root, *(found for child in root.__subclasses__() for found in _descendants(child))]


def error_from_document(error: dict[str, Any]) -> FlowerOpsError:
    """Rebuild the error that a child process printed as its JSON document's `error` member."""
    by_code = {kind.code: kind for kind in reversed(_descendants(FlowerOpsError))}
    known = {"code", "message", "hint", "exit_code"}
    details = {key: value for key, value in error.items() if key not in known}
    return by_code.get(error["code"], FlowerOpsError)(error["message"], error.get("hint"), details)
