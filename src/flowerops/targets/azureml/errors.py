"""What Azure and its SDK raise, as our errors: the one place that knows both."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator
from typing import Any

from flowerops.domain.redaction import redact
from flowerops.errors import (
    BadInputError,
    ConflictError,
    CredentialsError,
    FlowerOpsError,
    RemoteError,
    UsageError,
)

_ROLES = 'Ask for the role "AzureML Data Scientist" on the workspace; docs/how-to/azure.md lists all roles.'
_LATER = "Nothing is lost: run the same command again in a while."
_REFUSED = "Azure refuses a value; --debug shows the whole answer."
_CHANGED = "Somebody else changed it meanwhile: look at it, then run the command again."
_BY_STATUS: dict[int | None, tuple[type[FlowerOpsError], str, str]] = {
    401: (CredentialsError, "cannot {what}: Azure does not accept the sign-in ({said})", "Sign in again: az login"),
    403: (CredentialsError, "not allowed to {what}: {said}", _ROLES),
    404: (BadInputError, "cannot {what}: it is not there ({said})", "Check the names in .env and on the command line."),
    409: (ConflictError, "cannot {what}: {said}", _CHANGED),
    412: (ConflictError, "cannot {what}: {said}", _CHANGED),
    429: (RemoteError, "cannot {what}: too many requests ({said})", _LATER),
}
_MOST_CHARACTERS = 300
_QUOTA = re.compile("quota|ClusterCoreQuotaReached|OutOfCapacity|not enough cores", re.IGNORECASE)


@contextlib.contextmanager
def translating(what: str) -> Iterator[None]:
    """Turn everything that Azure raises in the block into a FlowerOpsError.

    Args:
        what: What the block does, in words that go on "cannot …".
    """
    try:
        yield
    except FlowerOpsError:
        raise
    except Exception as error:
        translated = translate(error, what)
        if translated is None:
            raise
        raise translated from error


def translate(error: BaseException, what: str) -> FlowerOpsError | None:
    """The error for users; None for one that is not Azure's.

    Codes: 8 nobody could sign in, or is not allowed; 3 it is not there, or Azure refuses a value; 6 it exists already
    or changed meanwhile; 7 the network, the service, a quota, or too many requests.
    """
    from azure.core import exceptions as core

    if isinstance(error, core.HttpResponseError):
        return _from_answer(error, what)
    if isinstance(error, core.ServiceRequestError | core.ServiceResponseError):
        return RemoteError(f"cannot {what}: no connection to Azure ({_said(error)})", f"Check the network. {_LATER}")
    return _from_sdk(error, what) or _from_requests(error, what)


def _from_answer(error: Any, what: str) -> FlowerOpsError:
    from azure.core.exceptions import ClientAuthenticationError

    status = error.status_code or getattr(error.response, "status_code", None)
    said = _said(error)
    if isinstance(error, ClientAuthenticationError) and status in (None, 400, 401):
        return from_status(401, said, what)
    return from_status(status, said, what)


def from_status(status: int | None, said: str, what: str) -> FlowerOpsError:
    """The error for a status code of one of Azure's services, and what came with it."""
    message = f"cannot {what}: {said}"
    if (hint := quota_hint(said)) is not None:
        return RemoteError(message, hint)
    if status in _BY_STATUS:
        kind, words, hint = _BY_STATUS[status]
        return kind(words.format(what=what, said=said), hint)
    if status is not None and 400 <= status < 500:
        return BadInputError(message, _REFUSED)
    return RemoteError(message, f"The service failed. {_LATER}")


def quota_hint(said: str) -> str | None:
    """What to do when there is no quota for something; None where something else is the matter."""
    return (
        "Ask for more quota in the portal, or choose a smaller size or fewer instances."
        if _QUOTA.search(said)
        else None
    )


def _from_sdk(error: BaseException, what: str) -> FlowerOpsError | None:
    from azure.core.exceptions import AzureError, DeserializationError, SerializationError

    try:
        from azure.ai.ml import exceptions as sdk
    except ImportError:
        sdk = None  # type: ignore[assignment]
    message = f"cannot {what}: {_said(error)}"
    if sdk is not None and isinstance(error, sdk.EmptyDirectoryError):
        return BadInputError(message, "Name a folder with files in it.")
    if sdk is not None and isinstance(error, sdk.ValidationException | sdk.UserErrorException):
        return BadInputError(message, _REFUSED)
    if isinstance(error, SerializationError):  # a value of ours that cannot be sent
        return BadInputError(message, _REFUSED)
    if isinstance(error, AzureError | DeserializationError):
        return RemoteError(message, f"--debug shows the whole answer. {_LATER}")
    return None


def _from_requests(error: BaseException, what: str) -> FlowerOpsError | None:
    """Parts of the SDK use requests directly."""
    try:
        import requests
    except ImportError:
        return None
    if isinstance(error, requests.RequestException):
        return RemoteError(f"cannot {what}: no connection to Azure ({_said(error)})", f"Check the network. {_LATER}")
    return None


def _said(error: BaseException) -> str:
    """What an error says, in one line without secrets."""
    text = _from_body(error) or getattr(error, "message", None) or str(error) or type(error).__name__
    line = redact(" ".join(str(text).split()))
    return line if len(line) <= _MOST_CHARACTERS else line[: _MOST_CHARACTERS - 1] + "…"


def _from_body(error: BaseException) -> str | None:
    """The most precise message of an answer's JSON: the first detail's, else the outer one."""
    response: Any = getattr(error, "response", None)
    try:
        document = json.loads(response.text() if callable(response.text) else response.text)
        inner = document.get("error", document)
        details = inner.get("details") or [{}]
        return str(details[0].get("message") or inner.get("message") or "") or None
    except Exception:  # whatever the answer is: it has no such message
        return None


def missing_extra(error: ImportError) -> UsageError:
    """The error for an installation without the Azure packages."""
    return UsageError(
        f"the azureml target needs a package that is not installed: {error.name or error}",
        'Install it with: pip install "flowerops[azure]"',
    )
