"""Whatever Azure's packages raise becomes one of our errors, with a code that is documented."""

from __future__ import annotations

import json
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest
import requests
from azure.ai.ml import exceptions as ml
from azure.core import exceptions as core
from azure.identity import AuthenticationRequiredError, CredentialUnavailableError
from azure.identity import _exceptions as identity

from flowerops.errors import BadInputError, FlowerOpsError, RemoteError
from flowerops.targets.azureml.errors import translate, translating


class Answer:
    """What the exceptions of azure.core want of an answer."""

    def __init__(self, status: int, body: Any = None) -> None:
        self.status_code = status
        self.reason = "reason"
        self.request = "GET something"
        self.headers: dict[str, str] = {}
        self.content_type = "application/json"
        self._body = json.dumps(body or {"error": {"code": "Some", "message": "the outer words"}})

    def text(self, encoding: str | None = None) -> str:
        return self._body

    def body(self) -> bytes:
        return self._body.encode()


def classes_of(module: ModuleType, package: str) -> Iterator[type[BaseException]]:
    for found in vars(module).values():
        if isinstance(found, type) and issubclass(found, BaseException) and found.__module__.startswith(package):
            yield found


EVERY = sorted(
    {*classes_of(core, "azure.core"), *classes_of(ml, "azure.ai.ml"), *classes_of(identity, "azure.identity")}
    | {AuthenticationRequiredError, CredentialUnavailableError},
    key=lambda found: found.__qualname__,
)


def instance_of(kind: type[BaseException]) -> BaseException:
    """One as it comes out of the package, or at least one that was never initialised."""
    for arguments in (("some words",), ("some words", "no personal words"), (["some words"],), (Answer(500),), ()):
        try:
            return kind(*arguments)
        except (TypeError, AttributeError):
            continue
    return kind.__new__(kind)


def test_there_are_many_of_them() -> None:
    assert len(EVERY) > 40
    assert core.HttpResponseError in EVERY
    assert ml.ValidationException in EVERY


@pytest.mark.parametrize("kind", EVERY, ids=lambda kind: kind.__qualname__)
def test_no_exception_of_azure_stays_unmapped(kind: type[BaseException]) -> None:
    translated = translate(instance_of(kind), "do it")
    assert translated is not None
    assert translated.exit_code != 1
    assert translated.message.startswith(("cannot do it: ", "not allowed to do it: "))
    assert translated.hint


@pytest.mark.parametrize(
    ("status", "code"),
    [(400, 3), (401, 8), (403, 8), (404, 3), (408, 3), (409, 6), (412, 6), (422, 3), (429, 7), (500, 7), (503, 7)],
)
def test_answers_map_to_the_documented_codes(status: int, code: int) -> None:
    translated = translate(core.HttpResponseError(response=Answer(status)), "do it")
    assert translated is not None
    assert translated.exit_code == code
    assert "the outer words" in translated.message


def test_the_most_precise_words_of_an_answer_are_told() -> None:
    body = {"error": {"message": "outer", "details": [{"code": "X", "message": "name 'a b' is not allowed"}]}}
    translated = translate(core.HttpResponseError(response=Answer(400, body)), "do it")
    assert translated is not None
    assert translated.message == "cannot do it: name 'a b' is not allowed"


def test_secrets_in_addresses_are_not_told() -> None:
    said = "GET https://store.blob.core.windows.net/c/b?sv=2021&sig=aB%2Bc9%3D&se=2030 failed"
    translated = translate(core.ServiceRequestError(said), "read it")
    assert translated is not None
    assert "aB%2Bc9" not in translated.message
    assert "sig=…" in translated.message


def test_a_quota_is_told_as_such_whatever_the_status() -> None:
    body = {"error": {"message": "The family vCPU quota of 0 cannot accomodate 4 vCPUs"}}
    translated = translate(core.HttpResponseError(response=Answer(400, body)), "make compute x")
    assert isinstance(translated, RemoteError)
    assert "quota" in str(translated.hint)


def test_what_requests_raises_is_the_networks_fault() -> None:
    assert isinstance(translate(requests.ConnectionError("reset"), "do it"), RemoteError)


def test_our_own_errors_pass_as_they_are_and_faults_of_ours_stay_faults() -> None:
    with pytest.raises(BadInputError, match=r"^mine$"), translating("do it"):
        raise BadInputError("mine")
    with pytest.raises(ZeroDivisionError), translating("do it"):
        raise ZeroDivisionError
    with pytest.raises(FlowerOpsError, match="cannot do it: words") as caught, translating("do it"):
        raise core.AzureError("words")
    assert isinstance(caught.value.__cause__, core.AzureError)
