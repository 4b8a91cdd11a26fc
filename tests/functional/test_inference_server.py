"""The scoring script in the real server of a managed online endpoint: it answers as our own server does."""

from __future__ import annotations

import base64
import gzip
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from flowerops.errors import RemoteError, UsageError
from flowerops.io.hashing import verify_seal
from flowerops.io.http import HttpAnswer, send
from flowerops.serving.admission import Limits
from flowerops.serving.app import build_app
from flowerops.serving.inference_server import PreviewedModel, check_python, inference_server
from flowerops.serving.scorer import Scorer
from flowerops.serving.service import ModelName, ScoringService
from flowerops.serving.snapshot import serving_snapshot
from helpers.inference import registered, require_serve_environment
from helpers.served import served
from helpers.tiny_bundle import COLOURS, photo

DAISY, ROSES = photo(COLOURS[0], seed=5), photo(COLOURS[1], seed=6)
ENCODED = base64.b64encode(ROSES).decode()
PIXELS = json.dumps({"data": np.full((2, 32, 32, 3), COLOURS[1], np.uint8).tolist()}).encode()
PART = b'--xx\r\nContent-Disposition: form-data; name="image"; filename="a.jpg"\r\n\r\n'
FORM = "multipart/form-data; boundary=xx"


@pytest.fixture(scope="module")
def model(tiny_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> PreviewedModel:
    folder = registered(tiny_bundle, tmp_path_factory.mktemp("model"))
    return PreviewedModel(folder, "flower_classifier", 3, verify_seal(tiny_bundle))


@pytest.fixture(scope="module")
def code(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return serving_snapshot(tmp_path_factory.mktemp("code") / "snapshot")


@pytest.fixture(scope="module")
def url(model: PreviewedModel, code: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    log = tmp_path_factory.mktemp("log") / "server.log"
    with inference_server(require_serve_environment(), code, model, log) as url:
        yield url


@pytest.fixture(scope="module")
def local(model: PreviewedModel, tiny_bundle: Path) -> Iterator[str]:
    service = ScoringService(ModelName(model.name, model.version), Limits(), workers=1)
    service.become_ready(Scorer.load(tiny_bundle))
    with served(build_app(service)) as url:
        yield url


def post(url: str, body: bytes, media_type: str | None, query: str = "", **headers: str) -> HttpAnswer:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return send("POST", f"{url}/score{query}", body, given | ({"Content-Type": media_type} if media_type else {}))


REQUESTS = {
    "raw image": (ROSES, "image/jpeg", ""),
    "bytes without a type": (DAISY, None, ""),
    "octet stream": (DAISY, "application/octet-stream", ""),
    "top": (ROSES, "image/png", "?top=1"),
    "form": (PART + DAISY + b"\r\n" + PART + ROSES + b"\r\n--xx--\r\n", FORM, ""),
    "JSON": (json.dumps({"image": ENCODED}).encode(), "application/json", ""),
    "JSON list": (json.dumps({"images": [ENCODED] * 3}).encode(), "application/json; charset=utf-8", ""),
    "gzip": (gzip.compress(json.dumps({"image": ENCODED}).encode()), "application/json", "", "gzip"),
    "gzip image": (gzip.compress(ROSES), "image/jpeg", "", "gzip"),
    "the predecessor's": (gzip.compress(PIXELS), None, "?top=1", "gzip"),
    "the predecessor's, unsaid": (gzip.compress(PIXELS), None, ""),
    "pixels as JSON": (PIXELS, "application/json", ""),
    "bad gzip": (b"\x1f\x8b\x08 and no more", "application/json", "", "gzip"),
    "gzip bomb": (gzip.compress(bytes(21 * 1024 * 1024)), "application/json", "", "gzip"),
    "ragged pixels": (b'{"data": [[[1, 2, 3]], [[1, 2]]]}', "application/json", ""),
    "deep JSON": (b"[" * 100_000, "application/json", ""),
    "another encoding": (ROSES, "image/jpeg", "", "br"),
    "no image": (b"<html>404</html>", "image/jpeg", ""),
    "nothing": (b"", "image/jpeg", ""),
    "half an image": (ROSES[: len(ROSES) // 2], "image/jpeg", ""),
    "bad image in a form": (PART + DAISY + b"\r\n" + PART + b"x\r\n--xx--\r\n", FORM, ""),
    "form without files": (b"--xx--\r\n", FORM, ""),
    "form without boundary": (b"whatever", "multipart/form-data", ""),
    "bad JSON": (b"{", "application/json", ""),
    "bad base64": (b'{"image": "%%%"}', "application/json", ""),
    "too many images": (json.dumps({"images": [ENCODED] * 65}).encode(), "application/json", ""),
    "another type": (ROSES, "text/html", ""),
    "bad top": (ROSES, "image/jpeg", "?top=two"),
}


@pytest.mark.parametrize("name", REQUESTS)
def test_both_servers_answer_the_same(url: str, local: str, name: str) -> None:
    body, media_type, query, *encoding = REQUESTS[name]
    headers = {"Content-Encoding": encoding[0]} if encoding else {}
    ours, theirs = (post(one, body, media_type, query, **headers) for one in (url, local))
    assert (ours.status, ours.media_type) == (theirs.status, theirs.media_type)
    for answer in (ours, theirs):
        assert answer.json()["request_id"] == answer.headers["x-request-id"]
    documents = [{**answer.json(), "request_id": None} for answer in (ours, theirs)]
    assert documents[0] == documents[1]


def test_a_wrong_method_is_refused(url: str) -> None:
    answer = send("GET", f"{url}/score")
    assert (answer.status, answer.headers["allow"]) == (405, "POST")
    assert answer.json()["error"]["code"] == "method_not_allowed"


def test_a_body_over_the_limit_is_a_413(url: str) -> None:
    answer = post(url, bytes(20 * 1024 * 1024 + 1), "image/jpeg")
    assert (answer.status, answer.json()["error"]["code"]) == (413, "too_large")
    assert post(url, ROSES + bytes(20 * 1024 * 1024 - len(ROSES)), "image/jpeg").status == 200


def test_the_callers_request_id_is_kept_and_a_dangerous_one_replaced(url: str) -> None:
    assert post(url, DAISY, "image/jpeg", X_Request_Id="abc-1.2_3").json()["request_id"] == "abc-1.2_3"
    answer = post(url, DAISY, "image/jpeg", X_Request_Id='x"} {')
    assert re.fullmatch("[0-9a-f]{32}", answer.json()["request_id"])
    assert answer.headers["x-request-id"] == answer.json()["request_id"]


def test_a_callers_trace_is_joined(url: str, local: str) -> None:
    trace = f"00-{'a' * 32}-{'b' * 16}-01"
    for one in (url, local):
        answer = post(one, DAISY, "image/jpeg", traceparent=trace)
        assert answer.json()["request_id"] == "a" * 32
        assert re.fullmatch(f"00-{'a' * 32}-[0-9a-f]{{16}}-01", answer.headers["traceresponse"])


def test_a_changed_bundle_is_not_served(model: PreviewedModel, code: Path, tmp_path: Path) -> None:
    shutil.copytree(model.folder, tmp_path / "model")
    with (tmp_path / "model/flower_classifier/labels.txt").open("w") as stream:
        stream.write("more")
    changed = PreviewedModel(tmp_path / "model", model.name, model.version, model.digest)
    python = require_serve_environment()
    with pytest.raises(RemoteError, match=r"ended before it was ready: .*labels"):  # noqa: SIM117
        with inference_server(python, code, changed, tmp_path / "log"):
            pass


def test_a_missing_environment_is_named_with_the_line_that_makes_it(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        check_python(tmp_path / "python")
    assert "make serve-env" in str(caught.value.hint)
