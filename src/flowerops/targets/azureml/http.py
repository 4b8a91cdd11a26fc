"""Requests to Azure's services for what the SDK has no method for: signed in, tried again, refused in our words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flowerops.targets.azureml.errors import from_status, translating

MANAGEMENT = "https://management.azure.com"
SCOPE = f"{MANAGEMENT}/.default"
RETRIES: dict[str, Any] = {"retry_total": 4, "retry_backoff_factor": 0.5, "retry_backoff_max": 20}
"""Waits of 0.5, 1, 2 and 4 s, or what Retry-After says; both the SDK and our own calls keep to it."""


def http_client(credential: Any = None, scope: str = SCOPE, retries: Mapping[str, Any] = RETRIES) -> Any:
    """A client of requests (azure.core.PipelineClient), which can stand in a `with`.

    Args:
        credential: Signs every request; None signs none.
        scope: What the signature is for.
        retries: As azure.core's RetryPolicy takes them.
    """
    from azure.core import PipelineClient
    from azure.core.pipeline import policies

    signed = [policies.BearerTokenCredentialPolicy(credential, scope)] if credential is not None else []
    sent_with = [policies.UserAgentPolicy("flowerops"), policies.RetryPolicy(**retries)]
    return PipelineClient(base_url="", policies=[*sent_with, *signed])


def send(client: Any, what: str, method: str, url: str, **request: Any) -> Any:
    """Send one request.

    Args:
        client: What `http_client` gave.
        what: What it does, in words that go on "cannot …".
        method: GET, POST …
        url: The whole address.
        request: More of azure.core.rest.HttpRequest: `json`, `headers`.

    Returns:
        The answer (azure.core.rest.HttpResponse).

    Raises:
        FlowerOpsError: See `errors.from_status`.
    """
    from azure.core.rest import HttpRequest

    with translating(what):
        answer = client.send_request(HttpRequest(method, url, **request))
        if answer.status_code >= 400:
            raise from_status(answer.status_code, _said_by(answer), what)
        return answer


def _said_by(answer: Any) -> str:
    """The message of a refusal."""
    try:
        error = answer.json()["error"]
        details = error.get("details") or [{}]
        return str(details[0].get("message") or error.get("message"))
    except Exception:  # no JSON, or another form of it
        return f"status {answer.status_code}"
