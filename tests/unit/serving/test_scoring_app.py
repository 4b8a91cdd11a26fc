from __future__ import annotations

import base64
import json
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flowerops.io.http import HttpAnswer, send
from flowerops.serving.admission import Limits
from flowerops.serving.app import build_app
from flowerops.serving.scorer import Scorer
from flowerops.serving.service import ModelName, ScoringService
from helpers.served import ready_service, served, wait_until
from helpers.tiny_bundle import COLOURS, photo

LIMITS = Limits(queue=2, body_bytes=200_000, held_bytes=400_000, body_seconds=0.5, images=4)
DAISY, ROSES = photo(COLOURS[0], seed=5), photo(COLOURS[1], seed=6)


@pytest.fixture(scope="module")
def scorer(tiny_bundle: Path) -> Scorer:
    return Scorer.load(tiny_bundle, threads=2)


@pytest.fixture(scope="module")
def service(scorer: Scorer) -> ScoringService:
    return ready_service(scorer, LIMITS, name="flower_classifier", version=3)


@pytest.fixture(scope="module")
def url(service: ScoringService) -> Iterator[str]:
    with served(build_app(service)) as url:
        yield url


def post(url: str, body: bytes, media_type: str | None = "image/jpeg", **headers: str) -> HttpAnswer:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return send("POST", url, body, given | ({"Content-Type": media_type} if media_type else {}))


def form(*files: bytes, name: str = "image") -> tuple[bytes, str]:
    parts = [
        f'--xx\r\nContent-Disposition: form-data; name="{name}"; filename="a.jpg"\r\n\r\n'.encode() + file + b"\r\n"
        for file in files
    ]
    return b"".join(parts) + b"--xx--\r\n", "multipart/form-data; boundary=xx"


def as_json(**members: Any) -> bytes:
    return json.dumps(members).encode()


def refused(answer: HttpAnswer, status: int, code: str) -> str:
    """Check that this is a JSON refusal without anything of the server's inside; gives its message."""
    assert answer.status == status, answer.body
    document = answer.json()
    assert document["error"]["code"] == code
    assert document["request_id"] == answer.headers["x-request-id"]
    assert not re.search(rb"Traceback|File \\?\"|/src/|/tests?/|site-packages|\.py", answer.body)
    return str(document["error"]["message"])


@pytest.mark.parametrize("media_type", ["image/jpeg", "image/png", "IMAGE/JPEG; q=1", "application/octet-stream", None])
def test_raw_bytes_get_label_probabilities_and_where_the_model_comes_from(
    url: str, scorer: Scorer, media_type: str | None
) -> None:
    answer = post(f"{url}/score", ROSES, media_type)
    assert answer.status == 200
    document = answer.json()
    assert document["label"] == "roses"
    assert document["probabilities"] == scorer.score(ROSES).probabilities
    assert list(document["probabilities"]) == ["daisy", "roses"]
    assert document["model"] == {"name": "flower_classifier", "version": 3, "digest": scorer.digest}
    assert document["dataset"] == {"name": "tiny", "version": 1, "digest": "b" * 64}
    assert document["build_id"] == "tester@laptop"
    assert document["request_id"] == answer.headers["x-request-id"]


def test_a_form_with_several_images_gets_a_list_in_their_order(url: str) -> None:
    body, media_type = form(DAISY, ROSES, DAISY)
    document = post(f"{url}/score", body, media_type).json()
    assert [one["label"] for one in document["predictions"]] == ["daisy", "roses", "daisy"]
    assert document["model"]["version"] == 3


def test_a_form_with_one_image_gets_a_list_of_one(url: str) -> None:
    body, media_type = form(DAISY)
    assert len(post(f"{url}/score", body, media_type).json()["predictions"]) == 1


def test_a_form_part_larger_than_a_spool_stays_in_memory_and_is_scored(scorer: Scorer) -> None:
    service = ready_service(scorer, workers=1)
    body, media_type = form(DAISY + bytes(2_000_000))
    with served(build_app(service)) as url:
        assert post(f"{url}/score", body, media_type).json()["predictions"][0]["label"] == "daisy"


def test_base64_in_json_is_scored(url: str, scorer: Scorer) -> None:
    encoded = base64.b64encode(ROSES).decode()
    single = post(f"{url}/score", as_json(image=encoded), "application/json").json()
    several = post(f"{url}/score", as_json(images=[encoded, encoded]), "application/json; charset=utf-8").json()
    assert single["probabilities"] == scorer.score(ROSES).probabilities
    assert [one["label"] for one in several["predictions"]] == ["roses", "roses"]


def test_top_gives_the_most_probable_best_first(url: str) -> None:
    assert list(post(f"{url}/score?top=1", ROSES).json()["probabilities"]) == ["roses"]
    assert list(post(f"{url}/score?top=9", ROSES).json()["probabilities"]) == ["roses", "daisy"]


@pytest.mark.parametrize("top", ["0", "-1", "two", "1.5", "", "9" * 5000, "%C2%B2"])
def test_a_top_that_is_no_number_is_refused(url: str, top: str) -> None:
    assert "top" in refused(post(f"{url}/score?top={top}", ROSES), 400, "bad_parameter")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<html>404</html>",
        ROSES[: len(ROSES) // 2],
        b"\xff\xd8\xff" + bytes(100),
        b"%PDF-1.4",
        b"\x89PNG\r\n\x1a\n",
    ],
)
def test_what_is_not_a_whole_image_is_a_400_with_the_reason(url: str, data: bytes) -> None:
    assert "rejected" in refused(post(f"{url}/score", data), 400, "bad_image")


def test_a_bad_image_among_several_is_named_by_its_place(url: str) -> None:
    body, media_type = form(DAISY, b"nonsense", ROSES)
    assert "image 1 rejected" in refused(post(f"{url}/score", body, media_type), 400, "bad_image")


@pytest.mark.parametrize("media_type", ["text/html", "application/x-www-form-urlencoded", "video/mp4"])
def test_another_content_type_is_a_415(url: str, media_type: str) -> None:
    assert "image/*" in refused(post(f"{url}/score", ROSES, media_type), 415, "unsupported_media_type")


@pytest.mark.parametrize("encoding", ["deflate", "br", "gzip, gzip"])
def test_another_encoding_than_gzip_is_a_415(url: str, encoding: str) -> None:
    refused(post(f"{url}/score", ROSES, Content_Encoding=encoding), 415, "unsupported_encoding")


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"{", b"[]", b"null", b'"image"', b"{}", b'{"image": 1}', b'{"images": []}', b'{"images": {}}'),
        *(b'{"image": "a", "images": []}', b'{"photo": "a"}', b'{"images": [null]}', b"\xff\xfe", b"1" * 10_000),
        *(b"[" * 100_000, b'{"a":' * 30_000, b'{"image": "%%%"}', b'{"image": "YQ="}', '{"image": "ü"}'.encode()),
    ],
)
def test_a_json_body_that_is_not_the_documented_one_is_a_400(url: str, body: bytes) -> None:
    answer = post(f"{url}/score", body, "application/json")
    code = answer.json()["error"]["code"]
    assert code in ("bad_json", "bad_base64")
    refused(answer, 400, code)


@pytest.mark.parametrize(
    ("body", "media_type"),
    [
        (b"whatever", "multipart/form-data"),
        (b"no boundary in here", "multipart/form-data; boundary=xx"),
        (b"--xx--\r\n", "multipart/form-data; boundary=xx"),
        (
            b'--xx\r\nContent-Disposition: form-data; name="image"\r\n\r\ntext\r\n--xx--\r\n',
            "multipart/form-data; boundary=xx",
        ),
        (b"--xx\r\nContent-Disposition: attachment\r\n\r\ntext\r\n--xx--\r\n", "multipart/form-data; boundary=xx"),
        form(*[DAISY] * 5),
    ],
)
def test_a_form_without_usable_files_is_a_400(url: str, body: bytes, media_type: str) -> None:
    refused(post(f"{url}/score", body, media_type), 400, "bad_multipart")


def test_more_images_than_allowed_are_refused(url: str) -> None:
    body = as_json(images=[base64.b64encode(DAISY).decode()] * 5)
    assert "at most 4" in refused(post(f"{url}/score", body, "application/json"), 400, "too_many_images")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    body=st.binary(max_size=300) | st.binary(max_size=60).map(lambda tail: ROSES[:400] + tail),
    media_type=st.sampled_from(
        ["image/png", "application/json", "multipart/form-data; boundary=xx", "application/octet-stream"]
    ),
)
def test_no_bytes_make_the_server_fail(url: str, body: bytes, media_type: str) -> None:
    answer = post(f"{url}/score", body, media_type)
    assert answer.status == 400
    refused(answer, 400, answer.json()["error"]["code"])


def test_unknown_routes_and_wrong_methods_get_json_errors(url: str) -> None:
    refused(send("GET", f"{url}/nowhere"), 404, "not_found")
    refused(send("POST", f"{url}/score/", ROSES), 404, "not_found")
    answer = send("GET", f"{url}/score")
    refused(answer, 405, "method_not_allowed")
    assert answer.headers["allow"] == "POST"


def test_the_callers_request_id_is_kept_and_a_dangerous_one_replaced(url: str) -> None:
    assert post(f"{url}/score", DAISY, X_Request_Id="abc-1.2_3").json()["request_id"] == "abc-1.2_3"
    for bad in ('x"} {"level": "error', "x" * 200, "a b"):
        answer = post(f"{url}/score", DAISY, X_Request_Id=bad)
        assert re.fullmatch("[0-9a-f]{32}", answer.json()["request_id"])
        assert answer.headers["x-request-id"] == answer.json()["request_id"]


def test_health_and_readiness_and_the_root_tell_the_state(url: str, scorer: Scorer) -> None:
    assert send("GET", f"{url}/healthz").json() == {"status": "alive"}
    ready = send("GET", f"{url}/readyz").json()
    assert (ready["status"], ready["model"]["digest"]) == ("ready", scorer.digest)
    about = send("GET", f"{url}/", headers={"Accept": "application/json"}).json()
    assert (about["state"], about["key"], about["model"]["version"]) == ("ready", None, 3)


def test_before_the_model_is_loaded_the_server_is_alive_but_not_ready() -> None:
    loading = ScoringService(ModelName("m", 1), LIMITS, workers=1)
    with served(build_app(loading)) as url:
        assert send("GET", f"{url}/healthz").status == 200
        ready = send("GET", f"{url}/readyz")
        assert (ready.status, ready.json()["status"]) == (503, "loading")
        answer = post(f"{url}/score", DAISY)
        refused(answer, 503, "not_ready")
        assert answer.headers["retry-after"] == "1"


def test_a_draining_server_is_not_ready_but_answers_and_closes_its_connections(scorer: Scorer) -> None:
    service = ready_service(scorer, LIMITS, workers=1)
    with served(build_app(service)) as url:
        assert "connection" not in post(f"{url}/score", DAISY).headers
        service.draining = True
        assert send("GET", f"{url}/readyz").status == 503
        answer = post(f"{url}/score", DAISY)
        assert (answer.status, answer.headers["connection"]) == (200, "close")


def test_a_retired_server_is_ready_and_sends_its_clients_away(scorer: Scorer) -> None:
    service = ready_service(scorer, LIMITS, workers=1)
    service.retired = True
    with served(build_app(service)) as url:
        assert send("GET", f"{url}/readyz").status == 200
        assert post(f"{url}/score", DAISY).headers["connection"] == "close"


@pytest.fixture
def keyed(scorer: Scorer) -> Iterator[str]:
    service = ready_service(scorer, LIMITS, workers=1)
    with served(build_app(service, api_key="s3cret")) as url:
        yield url


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer wrong",
        "s3cret",
        "Basic s3cret",
        "Bearer s3cret x",
        "Bearer s3cre",
        "Bearer \xfc",
    ],
)
def test_without_the_right_key_nothing_is_scored(keyed: str, header: str | None) -> None:
    answer = post(f"{keyed}/score", DAISY, **({} if header is None else {"Authorization": header}))
    refused(answer, 401, "unauthorized")
    assert answer.headers["www-authenticate"] == "Bearer"
    assert b"s3cret" not in answer.body


def test_with_the_right_key_images_are_scored_and_probes_need_none(keyed: str) -> None:
    assert post(f"{keyed}/score", DAISY, Authorization="Bearer s3cret").status == 200
    for open_to_all in ("", "healthz", "readyz", "openapi.json"):
        assert send("GET", f"{keyed}/{open_to_all}").status == 200
    refused(send("GET", f"{keyed}/metrics"), 401, "unauthorized")
    assert send("GET", f"{keyed}/metrics", headers={"Authorization": "Bearer s3cret"}).status == 200


def talk(url: str, *pieces: bytes, pause_s: float = 0.0) -> bytes:
    """Send raw bytes and read the answer until the server closes."""
    host, port = url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        for piece in pieces:
            connection.sendall(piece)
            time.sleep(pause_s)
        received = b""
        while chunk := connection.recv(65536):
            received += chunk
        return received


HEAD = b"POST /score HTTP/1.1\r\nHost: x\r\nContent-Type: image/jpeg\r\n"


def test_a_body_over_the_limit_is_a_413_though_the_client_sends_it_whole(url: str) -> None:
    assert "0.19" in refused(post(f"{url}/score", bytes(200_001)), 413, "too_large")
    assert post(f"{url}/score", ROSES + bytes(200_000 - len(ROSES))).status == 200


def test_a_huge_content_length_is_refused_before_the_body_comes(url: str) -> None:
    answer = talk(url, HEAD + b"Expect: 100-continue\r\nContent-Length: 99999999999\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"connection: close" in answer.lower()


def test_endless_chunks_are_cut_off_and_little_of_them_is_kept(url: str, service: ScoringService) -> None:
    chunk = b"10000\r\n" + bytes(65536) + b"\r\n"
    answer = talk(url, HEAD + b"Transfer-Encoding: chunked\r\n\r\n", *[chunk] * 5)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert (service.admission.active, service.admission.held) == (0, 0)


def test_a_slow_body_is_dropped_in_time(url: str) -> None:
    started = time.monotonic()
    answer = talk(url, HEAD + b"Content-Length: 1000\r\n\r\nabc")
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert time.monotonic() - started < 5


def test_a_client_that_goes_away_leaves_nothing_behind(url: str, service: ScoringService) -> None:
    host, port = url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(HEAD + b"Content-Length: 1000\r\n\r\nabc")
        wait_until(lambda: service.admission.active == 1, "the request to be admitted")
    wait_until(lambda: service.admission.active == 0, "the request to be forgotten")
    assert service.admission.held == 0
    assert post(f"{url}/score", DAISY).status == 200


class GatedScorer(Scorer):
    """A real scorer that waits at a gate, so that a test can fill the queue."""

    def __init__(self, scorer: Scorer) -> None:
        vars(self).update(vars(scorer))
        self.gate = threading.Event()
        self.scored = 0

    def score(self, data: bytes) -> Any:
        assert self.gate.wait(60)
        self.scored += 1
        return super().score(data)


def test_more_requests_than_the_queue_holds_get_a_429_while_health_answers(scorer: Scorer) -> None:
    gated = GatedScorer(scorer)
    service = ScoringService(ModelName("m", 1), LIMITS, workers=1)  # one at work and two waiting
    service.become_ready(gated)
    with served(build_app(service)) as url, ThreadPoolExecutor(8) as clients:
        waiting = [clients.submit(post, f"{url}/score", DAISY) for _ in range(3)]
        wait_until(lambda: service.admission.active == 3, "three requests to be admitted")
        turned_away = [clients.submit(post, f"{url}/score", DAISY).result(10) for _ in range(5)]
        assert send("GET", f"{url}/healthz", timeout_s=2).status == 200
        gated.gate.set()
        assert [one.result(10).status for one in waiting] == [200, 200, 200]
    for answer in turned_away:
        refused(answer, 429, "busy")
        assert answer.headers["retry-after"] == "1"


def test_all_bodies_together_are_bounded(scorer: Scorer) -> None:
    gated = GatedScorer(scorer)
    service = ready_service(gated, Limits(body_bytes=100_000, held_bytes=150_000), workers=1)
    large = DAISY + bytes(90_000)
    with served(build_app(service)) as url, ThreadPoolExecutor(2) as clients:
        first = clients.submit(post, f"{url}/score", large)
        wait_until(lambda: service.admission.held > 90_000, "the first body to be held")
        refused(post(f"{url}/score", large), 429, "busy")
        gated.gate.set()
        assert first.result(10).status == 200


def test_two_hundred_requests_at_once_are_answered_one_way_or_the_other(url: str) -> None:
    with ThreadPoolExecutor(200) as clients:
        statuses = list(clients.map(lambda _: post(f"{url}/score", DAISY).status, range(200)))
    assert set(statuses) <= {200, 429}
    assert statuses.count(200) >= 3


def test_a_fault_of_ours_is_a_plain_500_and_stands_in_the_log(scorer: Scorer, caplog: pytest.LogCaptureFixture) -> None:
    class Broken(Scorer):
        def __init__(self) -> None:
            vars(self).update(vars(scorer))

        def score(self, data: bytes) -> Any:
            raise RuntimeError("the secret of /home/somebody/model.py")

    service = ready_service(Broken(), LIMITS, workers=1)
    with served(build_app(service)) as url:
        answer = post(f"{url}/score", DAISY, X_Request_Id="fault-1")
        refused(answer, 500, "internal")
        wait_until(lambda: any(record.exc_info for record in caplog.records), "the log line")
        assert post(f"{url}/healthz", b"").status == 405
    assert b"secret" not in answer.body
    logged = next(record for record in caplog.records if record.exc_info)
    assert logged.fields["request_id"] == "fault-1"  # type: ignore[attr-defined]


def test_every_request_but_probes_is_logged_without_its_bytes(url: str, caplog: pytest.LogCaptureFixture) -> None:
    def logged(key: Callable[[Any], bool]) -> list[Any]:
        return [r.fields for r in caplog.records if hasattr(r, "fields") and key(r.fields)]

    with caplog.at_level("INFO", logger="flowerops.serving"):
        post(f"{url}/score?top=1&secret=1", DAISY, X_Request_Id="seen-1")
        send("GET", f"{url}/healthz")
        wait_until(lambda: bool(logged(lambda f: f["request_id"] == "seen-1")), "the log line")
    (line,) = logged(lambda f: True)
    assert line.pop("ms") > 0
    assert line == {"request_id": "seen-1", "method": "POST", "path": "/score", "status": 200}


def test_a_request_that_waits_too_long_is_a_503_and_what_has_not_begun_is_never_scored(scorer: Scorer) -> None:
    gated = GatedScorer(scorer)
    service = ready_service(gated, Limits(score_seconds=0.3), workers=1)
    with served(build_app(service)) as url:
        body, media_type = form(DAISY, ROSES)
        answer = post(f"{url}/score", body, media_type)
        assert "0.3 s" in refused(answer, 503, "timeout")
        assert answer.headers["retry-after"] == "1"
        gated.gate.set()
        assert post(f"{url}/score", DAISY).status == 200
    assert gated.scored == 2


def test_a_client_that_left_the_queue_costs_no_score(scorer: Scorer) -> None:
    gated = GatedScorer(scorer)
    service = ready_service(gated, LIMITS, workers=1)
    with served(build_app(service), LIMITS) as url, ThreadPoolExecutor(1) as clients:
        first = clients.submit(post, f"{url}/score", DAISY)
        wait_until(lambda: service.admission.active == 1, "the first request")
        host, port = url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=10) as connection:
            connection.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % len(ROSES) + ROSES)
            wait_until(lambda: service.admission.held == len(DAISY) + len(ROSES), "the second request")
        time.sleep(0.2)  # until the server has noticed
        gated.gate.set()
        assert first.result(10).status == 200
        wait_until(lambda: service.admission.active == 0, "the end of both")
    assert gated.scored == 1
