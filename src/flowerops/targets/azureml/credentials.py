"""Who signs in to Azure: in a fixed order, quickly, and never with a question where nobody can answer.

Source: azure-identity, "Credential chains" in its documentation.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from flowerops.errors import CredentialsError, first_line
from flowerops.targets.azureml.errors import missing_extra

SIGN_IN_TIMEOUT_S = 9.0
_CLI_TIMEOUT_S = 8
_HINT = (
    "Sign in with az login; or set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET (or a certificate or "
    "federated token) of a service principal."
)


@dataclass(frozen=True)
class _Way:
    """One way to sign in. why_not: the reason that it was not tried, or None."""

    name: str
    credential: Any
    why_not: str | None = None


class SignIn:
    """A token credential that remembers which way worked, and says what it tried when none did.

    Order: service principal or workload identity of the environment, managed identity, Azure CLI, and a browser when
    a person sits at a terminal.
    """

    def __init__(self, env: Mapping[str, str] = os.environ) -> None:
        self._ways = _ways(env)
        self._chosen: _Way | None = None

    def get_token(self, *scopes: str, **options: Any) -> Any:
        """A token for the scopes (azure.core.credentials.TokenCredential).

        Raises:
            CredentialsError: No way worked; the message names each with its reason.
        """
        if self._chosen is not None:
            return self._chosen.credential.get_token(*scopes, **options)
        failures = []
        ends = time.monotonic() + SIGN_IN_TIMEOUT_S
        for way in self._ways:
            if way.why_not is not None:
                failures.append(f"{way.name}: {way.why_not}")
                continue
            token, problem = _try(way, scopes, options, ends)
            if token is not None:
                self._chosen = way
                return token
            failures.append(f"{way.name}: {problem}")
        raise CredentialsError(f"nobody could sign in to Azure ({'; '.join(failures)})", _HINT, {"tried": failures})

    @property
    def way(self) -> str | None:
        """The way that worked, once one has."""
        return self._chosen.name if self._chosen else None


def _ways(env: Mapping[str, str]) -> list[_Way]:
    try:
        from azure import identity
    except ImportError as error:
        raise missing_extra(error) from error
    for name in ("azure.identity", "azure.core"):
        logging.getLogger(name).setLevel(logging.ERROR)
    return [
        _environment(identity, env),
        _workload(identity, env),
        _managed(identity, env),
        _Way("Azure CLI", identity.AzureCliCredential(process_timeout=_CLI_TIMEOUT_S)),
        _browser(identity),
    ]


def _environment(identity: Any, env: Mapping[str, str]) -> _Way:
    name = "environment"
    if not env.get("AZURE_CLIENT_ID") or not env.get("AZURE_TENANT_ID"):
        return _Way(name, None, "AZURE_TENANT_ID and AZURE_CLIENT_ID are not set")
    if not any(env.get(key) for key in ("AZURE_CLIENT_SECRET", "AZURE_CLIENT_CERTIFICATE_PATH", "AZURE_PASSWORD")):
        return _Way(name, None, "neither AZURE_CLIENT_SECRET nor AZURE_CLIENT_CERTIFICATE_PATH is set")
    return _made(name, lambda: identity.EnvironmentCredential(**_fast()))


def _workload(identity: Any, env: Mapping[str, str]) -> _Way:
    name = "workload identity"
    if not all(env.get(key) for key in ("AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_FEDERATED_TOKEN_FILE")):
        return _Way(name, None, "AZURE_FEDERATED_TOKEN_FILE is not set")
    return _made(name, lambda: identity.WorkloadIdentityCredential(**_fast()))


def _managed(identity: Any, env: Mapping[str, str]) -> _Way:
    """Only where the machine says that it has one: asking an address that nobody answers takes too long."""
    name = "managed identity"
    if not any(env.get(key) for key in ("MSI_ENDPOINT", "IDENTITY_ENDPOINT")):
        return _Way(name, None, "this machine has none")
    client_id = env.get("DEFAULT_IDENTITY_CLIENT_ID") or env.get("AZURE_CLIENT_ID") or None
    return _made(name, lambda: identity.ManagedIdentityCredential(client_id=client_id, **_fast()))


def _browser(identity: Any) -> _Way:
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return _Way("browser", None, "there is no terminal")
    return _Way("browser", identity.InteractiveBrowserCredential(timeout=300))


def _made(name: str, make: Callable[[], Any]) -> _Way:
    """A way whose variables may be wrong: no tenant's id, a certificate that is not there."""
    try:
        return _Way(name, make())
    except (ValueError, OSError) as error:
        return _Way(name, None, first_line(error).rstrip("."))


def _fast() -> dict[str, Any]:
    return {"retry_total": 1, "retry_backoff_factor": 0.5, "connection_timeout": 3, "read_timeout": 5}


def _try(way: _Way, scopes: tuple[str, ...], options: dict[str, Any], ends: float) -> tuple[Any, str]:
    """A token, or why there is none; a person at a browser gets time, all other ways together have to be quick."""
    found: list[Any] = []
    problems: list[str] = []

    def ask() -> None:
        try:
            found.append(way.credential.get_token(*scopes, **options))
        except Exception as error:
            problems.append(first_line(error).rstrip("."))

    if way.name == "browser":
        ask()
    else:
        thread = threading.Thread(target=ask, daemon=True)
        thread.start()
        thread.join(max(0.1, ends - time.monotonic()))
    if found:
        return found[0], ""
    return None, problems[0] if problems else "no answer in time"
