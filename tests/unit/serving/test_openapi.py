"""The interface's document, held against what the server really answers."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from flowerops.io.http import HttpAnswer, send
from flowerops.serving.admission import Limits
from flowerops.serving.app import build_app
from flowerops.serving.openapi import openapi_document
from flowerops.serving.scorer import Scorer
from helpers.served import ready_service, served
from helpers.tiny_bundle import COLOURS, photo

DAISY = photo(COLOURS[0])
ENCODED = base64.b64encode(DAISY).decode()
FORM = b'--x\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n' + DAISY + b"\r\n--x--\r\n"
JSON = "application/json"


@pytest.fixture(scope="module")
def url(tiny_bundle: Path) -> Iterator[str]:
    service = ready_service(Scorer.load(tiny_bundle), Limits(body_bytes=100_000), workers=1)
    with served(build_app(service, "key")) as url:
        yield url


@pytest.fixture(scope="module")
def document(url: str) -> dict[str, Any]:
    found: dict[str, Any] = send("GET", f"{url}/openapi.json").json()
    return found


def post(url: str, body: bytes, media_type: str, query: str = "", key: str = "key") -> HttpAnswer:
    headers = {"Content-Type": media_type, "Authorization": f"Bearer {key}"}
    return send("POST", f"{url}/score{query}", body, headers)


def check(document: dict[str, Any], path: str, method: str, answer: HttpAnswer) -> None:
    """An answer's status is documented, and its JSON is of the documented shape."""
    described = document["paths"][path][method]["responses"][str(answer.status)]
    schema = described["content"][answer.media_type]["schema"]
    whole = schema | {"components": document["components"]}
    jsonschema.Draft202012Validator.check_schema(whole)
    jsonschema.validate(answer.json(), whole, jsonschema.Draft202012Validator)


ANSWERS = {
    "image": (DAISY, "image/jpeg", "", 200),
    "top": (DAISY, "image/jpeg", "?top=1", 200),
    "form": (FORM, "multipart/form-data; boundary=x", "", 200),
    "one": (json.dumps({"image": ENCODED}).encode(), JSON, "", 200),
    "several": (json.dumps({"images": [ENCODED, ENCODED]}).encode(), JSON, "", 200),
    "pixels": (json.dumps({"data": [[[[1, 2, 3]]]]}).encode(), JSON, "", 200),
    "bad image": (b"no image", "image/jpeg", "", 400),
    "too large": (bytes(100_001), "image/jpeg", "", 413),
    "type": (DAISY, "text/plain", "", 415),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_scores_and_refusals_are_of_the_documented_shape(url: str, document: dict[str, Any], name: str) -> None:
    body, media_type, query, status = ANSWERS[name]
    answer = post(url, body, media_type, query)
    assert answer.status == status
    check(document, "/score", "post", answer)


def test_a_refused_key_and_readiness_are_of_the_documented_shape(url: str, document: dict[str, Any]) -> None:
    check(document, "/score", "post", post(url, DAISY, "image/jpeg", key="wrong"))
    check(document, "/readyz", "get", send("GET", f"{url}/readyz"))
    check(document, "/healthz", "get", send("GET", f"{url}/healthz"))
    check(document, "/", "get", send("GET", f"{url}/", headers={"Accept": JSON}))


@pytest.mark.parametrize("name", ["one", "several", "pixels"])
def test_the_bodies_that_are_scored_are_the_documented_ones(document: dict[str, Any], name: str) -> None:
    schema = document["components"]["schemas"]["Images"] | {"components": document["components"]}
    jsonschema.validate(json.loads(ANSWERS[name][0]), schema, jsonschema.Draft202012Validator)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"photo": ENCODED}, schema, jsonschema.Draft202012Validator)


def test_every_route_is_documented_and_the_key_where_it_is_wanted(document: dict[str, Any]) -> None:
    assert set(document["paths"]) == {"/", "/score", "/healthz", "/readyz", "/metrics", "/openapi.json"}
    guarded = {path for path, item in document["paths"].items() for one in item.values() if "security" in one}
    assert guarded == {"/score", "/metrics"}
    assert document["components"]["securitySchemes"]["key"]["scheme"] == "bearer"
    open_server = openapi_document(Limits(), None)
    assert "securitySchemes" not in open_server["components"]
    assert not any("security" in one for item in open_server["paths"].values() for one in item.values())


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    text = json.dumps(document)
    names = {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}
    assert names <= set(document["components"]["schemas"])
