from __future__ import annotations

import json
import shutil
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from flowerops.domain.bundle import GOLDEN_DIR, GOLDEN_FILE
from flowerops.domain.deployment import ModelRef
from flowerops.errors import BadInputError, StoreIntegrityError
from flowerops.services.smoke import (
    Case,
    Check,
    SmokeResult,
    cases_from_bundle,
    cases_from_images,
    run_smoke_test,
)
from flowerops.services.smoke_junit import write_junit
from flowerops.serving.admission import Limits
from flowerops.serving.app import build_app
from flowerops.serving.scorer import Scorer
from flowerops.serving.service import ModelName, ScoringService
from flowerops.targets.protocol import Probe
from helpers.scripted_server import Talk, reply, scripted_server
from helpers.served import served
from helpers.tiny_bundle import COLOURS, photo

DAISY = Case("daisy.jpg", "daisy", photo(COLOURS[0], seed=11))
ROSES = Case("roses.jpg", "roses", photo(COLOURS[1], seed=12))
DIGEST = "d" * 64
MODEL = {"name": "m", "version": 1, "digest": DIGEST}
GOOD = {"label": "daisy", "probabilities": {"daisy": 0.9, "roses": 0.1}, "model": MODEL}


@pytest.fixture(scope="module")
def scorer(tiny_bundle: Path) -> Scorer:
    return Scorer.load(tiny_bundle)


def service_of(scorer: Scorer) -> ScoringService:
    service = ScoringService(ModelName("flower_classifier", 3), Limits(), scorer.threads)
    service.become_ready(scorer)
    return service


@pytest.fixture(scope="module")
def url(scorer: Scorer) -> Iterator[str]:
    with served(build_app(service_of(scorer))) as url:
        yield url


def smoke_test(
    url: str,
    cases: Sequence[Case],
    expected_model: ModelRef | None = None,
    latency_budget_ms: float | None = None,
    load_s: float = 0.0,
    **reached: Any,
) -> SmokeResult:
    """Test what a url answers; the rest says how it is reached."""
    probe = Probe(url, **reached)
    return run_smoke_test(
        probe, cases, expected_model=expected_model, latency_budget_ms=latency_budget_ms, load_s=load_s
    )


def check(result: SmokeResult, name: str) -> Check:
    (found,) = [one for one in result.checks if one.name.startswith(name)]
    return found


def failed(result: SmokeResult) -> list[str]:
    return [one.name for one in result.checks if not one.passed]


def test_a_bundles_own_server_passes_every_check(url: str, scorer: Scorer, tiny_bundle: Path) -> None:
    expected = ModelRef(name="flower_classifier", version=3, digest=scorer.digest)
    result = smoke_test(url, cases_from_bundle(tiny_bundle), expected_model=expected)
    assert result.passed
    names = ["alive", "ready", "daisy: 00_daisy.jpg", "roses: 01_roses.jpg", "model", "bad image is refused", "latency"]
    assert [one.name for one in result.checks] == names
    assert 0 < result.latency_ms["p50"] <= result.latency_ms["p95"] < 2000
    assert set(result.document()) == {"passed", "checks", "latency_ms", "classes"}
    assert result.classes == {"tested": ["daisy", "roses"], "untested": []}


def test_no_image_never_passes(url: str) -> None:
    with pytest.raises(BadInputError, match="without any image"):
        smoke_test(url, [])


def test_a_wrong_label_fails_and_says_what_came(url: str) -> None:
    result = smoke_test(url, [replace(DAISY, label="roses"), ROSES])
    assert not result.passed
    assert failed(result) == ["roses: daisy.jpg"]
    assert "expected roses, got daisy" in check(result, "roses: daisy").detail


def test_a_class_that_the_model_does_not_know_is_a_failed_check(url: str) -> None:
    result = smoke_test(url, [replace(DAISY, label="orchid")])
    assert failed(result) == ["orchid: daisy.jpg"]
    assert "knows no class 'orchid'; it knows daisy, roses" in check(result, "orchid").detail


def test_other_probabilities_than_at_training_fail(url: str, tiny_bundle: Path) -> None:
    golden = cases_from_bundle(tiny_bundle)[0]
    assert golden.probabilities is not None
    shifted = {label: share - 0.001 for label, share in golden.probabilities.items()}
    result = smoke_test(url, [replace(golden, probabilities=shifted)])
    assert failed(result) == ["daisy: 00_daisy.jpg"]
    assert "off by 0.001" in result.checks[2].detail


def test_probabilities_for_other_classes_fail(url: str) -> None:
    result = smoke_test(url, [replace(DAISY, probabilities={"daisy": 1.0, "tulips": 0.0})])
    assert "expected the classes daisy, tulips" in check(result, "daisy").detail
    assert not result.passed


def test_of_two_labels_that_are_equally_probable_both_are_right() -> None:
    tie = Case("x", "daisy", b"", {"daisy": 0.40001, "roses": 0.39999, "tulips": 0.2})
    assert (tie.accepts("daisy"), tie.accepts("roses"), tie.accepts("tulips")) == (True, True, False)
    assert not DAISY.accepts("roses")


@pytest.mark.parametrize("change", [{"name": "other"}, {"version": 4}, {"digest": "0" * 64}])
def test_another_model_than_the_deployed_one_fails(url: str, scorer: Scorer, change: dict[str, Any]) -> None:
    expected = ModelRef(**{"name": "flower_classifier", "version": 3, "digest": scorer.digest} | change)
    result = smoke_test(url, [DAISY], expected_model=expected)
    assert failed(result) == ["model"]
    assert "expected" in check(result, "model").detail


def test_a_slow_endpoint_fails_its_budget_only(url: str) -> None:
    result = smoke_test(url, [DAISY, ROSES], latency_budget_ms=0.001)
    assert failed(result) == ["latency"]


def test_the_key_is_sent_and_without_it_nothing_passes(scorer: Scorer) -> None:
    with served(build_app(service_of(scorer), api_key="s3cret")) as url:
        tested = smoke_test(url, [DAISY], key="s3cret")
        assert tested.passed
        assert "answered 401 without a key, 401 to a wrong one" in check(tested, "missing and wrong key").detail
        result = smoke_test(url, [DAISY])
    assert failed(result) == ["daisy: daisy.jpg", "model", "bad image is refused", "latency"]
    assert "status 401" in check(result, "daisy").detail


def test_an_endpoint_that_should_ask_for_a_key_and_does_not_fails(url: str) -> None:
    result = smoke_test(url, [DAISY], key="s3cret")
    assert failed(result) == ["missing and wrong key are refused"]


def test_classes_without_an_image_are_named(url: str) -> None:
    assert smoke_test(url, [DAISY]).classes == {"tested": ["daisy"], "untested": ["roses"]}


def test_a_load_says_how_fast_it_answered(url: str) -> None:
    result = smoke_test(url, [DAISY, ROSES], load_s=0.5)
    assert result.passed
    assert result.load is not None
    assert (result.load.errors, result.load.clients) == (0, 4)
    assert result.load.requests >= 4
    assert set(result.load.latency_ms) == {"p50", "p95", "p99"}
    assert "requests/s from 4 clients" in check(result, "load").detail
    assert result.document()["load"]["per_second"] > 0


def test_errors_under_load_fail_and_say_which() -> None:
    count = [0]

    def breaks_down(connection: Any, head: bytes) -> None:
        count[0] += head.startswith(b"POST")
        broken = count[0] > 2
        answering({"error": {"message": "too much"}} if broken else GOOD, "500 Error" if broken else "200 OK")(
            connection, head
        )

    with scripted_server(breaks_down) as server:
        result = smoke_test(server.url, [DAISY], load_s=0.3)
    assert failed(result) == ["load"]
    assert "status 500: too much" in check(result, "load").detail
    assert result.load is not None
    assert result.load.errors == result.load.requests > 0


def test_nobody_there_fails_after_the_patience_is_over() -> None:
    with scripted_server(reply()) as gone:
        pass
    started = time.monotonic()
    result = smoke_test(gone.url, [DAISY], warmup_s=0.3)
    assert (result.passed, failed(result), result.latency_ms) == (False, ["alive", "ready"], {})
    assert "no answer from 127.0.0.1" in check(result, "alive").detail
    assert time.monotonic() - started < 3


def test_an_endpoint_that_warms_up_is_waited_for(scorer: Scorer) -> None:
    service = ScoringService(ModelName("flower_classifier", 3), Limits(), 1)
    with served(build_app(service)) as url:
        threading.Timer(0.3, service.become_ready, [scorer]).start()
        assert smoke_test(url, [DAISY], warmup_s=10).passed


def test_an_endpoint_that_never_gets_ready_fails(scorer: Scorer) -> None:
    with served(build_app(ScoringService(ModelName("m", 1), Limits(), 1))) as url:
        result = smoke_test(url, [DAISY], warmup_s=0.2)
    assert failed(result) == ["ready"]
    assert "503" in check(result, "ready").detail


def answering(document: Any, status: str = "200 OK", media_type: str = "application/json") -> Talk:
    """A server that is alive and ready, refuses what is not an image, and answers every image with this document."""
    body = document if isinstance(document, bytes) else json.dumps(document).encode()

    def talk(connection: Any, head: bytes) -> None:
        if head.startswith(b"GET"):
            reply(body=b"{}", Content_Type="application/json")(connection, head)
        elif b"image/jpeg" in head:
            reply("400 Bad", body=b"{}", Content_Type="application/json")(connection, head)
        else:
            reply(status, body=body, Content_Type=media_type)(connection, head)

    return talk


def test_a_server_that_answers_as_it_should_passes() -> None:
    with scripted_server(answering(GOOD)) as server:
        assert smoke_test(server.url, [DAISY]).passed
    with scripted_server(answering({"predictions": [GOOD], "model": MODEL})) as server:
        assert smoke_test(server.url, [DAISY]).passed


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (GOOD | {"predictions": []}, "0 predictions came back"),
        ({"predictions": [GOOD, GOOD], "model": MODEL}, "2 predictions came back"),
        ({"predictions": "daisy"}, "predictions came back"),
        ({"predictions": [None]}, "predictions came back"),
        ([GOOD], "no JSON object"),
        ({"label": "daisy"}, "no label with probabilities"),
        (GOOD | {"label": "tulips"}, "no label with probabilities"),
        (GOOD | {"label": None}, "no label with probabilities"),
        (GOOD | {"probabilities": {"daisy": 0.9, "roses": 0.9}}, "no label with probabilities"),
        (GOOD | {"probabilities": {"daisy": 1.5, "roses": -0.5}}, "no label with probabilities"),
        (GOOD | {"probabilities": {"daisy": "1.0"}}, "no label with probabilities"),
        (GOOD | {"probabilities": {"daisy": True}}, "no label with probabilities"),
        (GOOD | {"probabilities": [0.9, 0.1]}, "no label with probabilities"),
        (b'{"label": "daisy", "probabilities": {"daisy": NaN}}', "no label with probabilities"),
        (b"{", "broken JSON"),
        (b"[" * 100_000, "broken JSON"),
        (b"", "broken JSON"),
    ],
)
def test_an_answer_that_is_not_one_prediction_never_passes(document: Any, said: str) -> None:
    with scripted_server(answering(document)) as server:
        result = smoke_test(server.url, [DAISY])
    assert not result.passed
    assert said in check(result, "daisy").detail


def test_html_with_status_200_never_passes() -> None:
    page = reply(body=json.dumps(GOOD).encode(), Content_Type="text/html")
    with scripted_server(page) as server:
        result = smoke_test(server.url, [DAISY])
    assert failed(result) == ["alive", "ready"]
    with scripted_server(answering(GOOD, media_type="text/html")) as server:
        result = smoke_test(server.url, [DAISY])
    assert "text/html instead of JSON" in check(result, "daisy").detail
    assert not result.passed


def test_a_server_that_scores_anything_fails_the_bad_image_check() -> None:
    def credulous(connection: Any, head: bytes) -> None:
        reply(body=json.dumps(GOOD).encode(), Content_Type="application/json")(connection, head)

    with scripted_server(credulous) as server:
        assert failed(smoke_test(server.url, [DAISY])) == ["bad image is refused"]


@pytest.mark.parametrize("status", ["401 Unauthorized", "404 Not Found", "500 Error", "503 Unavailable"])
def test_a_failure_is_not_taken_for_the_refusal_of_a_bad_image(status: str) -> None:
    def failing(connection: Any, head: bytes) -> None:
        good = reply(body=json.dumps(GOOD).encode(), Content_Type="application/json")
        bad = reply(status, body=b"{}", Content_Type="application/json")
        (bad if b"image/jpeg" in head else good)(connection, head)

    with scripted_server(failing) as server:
        assert failed(smoke_test(server.url, [DAISY], warmup_s=0)) == ["bad image is refused"]


@pytest.mark.parametrize("model", [None, {}, "m", {"name": "m", "version": 1}])
def test_answers_without_the_models_identity_fail(model: Any) -> None:
    with scripted_server(answering(GOOD | {"model": model})) as server:
        assert failed(smoke_test(server.url, [DAISY])) == ["model"]


def test_answers_from_two_models_fail() -> None:
    other = GOOD | {"model": MODEL | {"version": 2}}
    count = [0]

    def alternating(connection: Any, head: bytes) -> None:
        count[0] += 1
        answering(other if count[0] % 2 else GOOD)(connection, head)

    with scripted_server(alternating) as server:
        assert failed(smoke_test(server.url, [DAISY, DAISY])) == ["model"]


def test_a_busy_answer_is_tried_again() -> None:
    busy, count = reply("429 Busy", body=b"{}", Content_Type="application/json"), [0]

    def now_and_then(connection: Any, head: bytes) -> None:
        count[0] += 1
        (busy if count[0] % 2 else answering(GOOD))(connection, head)

    with scripted_server(now_and_then) as server:
        assert smoke_test(server.url, [DAISY, DAISY]).passed


def test_what_a_warming_endpoint_asks_for_is_heeded_and_capped(monkeypatch: pytest.MonkeyPatch) -> None:
    later = reply("503 Unavailable", body=b"{}", Content_Type="application/json", Retry_After="99999")
    pauses: list[float] = []
    monkeypatch.setattr("flowerops.services.smoke_client.time.sleep", pauses.append)
    with scripted_server(later, later, answering(GOOD)) as server:
        assert smoke_test(server.url, [DAISY], warmup_s=100).passed
    assert [round(pause, 3) for pause in pauses] == [5.0, 5.0]


@pytest.mark.parametrize("status", ["401 Unauthorized", "404 Not Found"])
def test_what_will_not_change_is_not_asked_again(status: str) -> None:
    with scripted_server(reply(status, body=b"{}", Content_Type="application/json")) as server:
        assert failed(smoke_test(server.url, [DAISY], warmup_s=100)) == ["alive", "ready"]
    assert len(server.requests) == 2


def test_a_server_that_fails_says_so_in_the_check() -> None:
    document = {"error": {"code": "internal", "message": "the disk melted"}}
    with scripted_server(answering(document, "500 Error")) as server:
        result = smoke_test(server.url, [DAISY])
    assert check(result, "daisy").detail == "status 500: the disk melted"


@pytest.mark.parametrize("url", ["file:///etc/passwd", "127.0.0.1:80", "http://u:p@127.0.0.1", "http://127.0.0.1:x"])
def test_a_url_that_is_none_is_bad_input(url: str) -> None:
    with pytest.raises(BadInputError, match="not a usable"):
        smoke_test(url, [DAISY])


def test_golden_images_expect_what_the_model_answered_not_what_the_photo_shows(
    tiny_bundle: Path, tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(tiny_bundle, tmp_path / "copy"))
    golden = json.loads((copy / GOLDEN_FILE).read_text())
    golden["images"][0]["label"] = "roses"  # the photographer's word; the model said daisy
    (copy / GOLDEN_FILE).write_text(json.dumps(golden))
    cases = cases_from_bundle(copy)
    assert [case.label for case in cases] == ["daisy", "roses"]
    assert cases[0].probabilities == pytest.approx(
        dict(zip(["daisy", "roses"], golden["images"][0]["probabilities"], strict=True))
    )


def test_a_changed_golden_image_is_not_used(tiny_bundle: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(tiny_bundle, tmp_path / "copy"))
    (copy / GOLDEN_DIR / "00_daisy.jpg").write_bytes(DAISY.data)
    with pytest.raises(StoreIntegrityError, match="00_daisy"):
        cases_from_bundle(copy)
    (copy / GOLDEN_DIR / "00_daisy.jpg").unlink()
    with pytest.raises(StoreIntegrityError, match="cannot be read"):
        cases_from_bundle(copy)
    with pytest.raises(BadInputError, match="no model bundle"):
        cases_from_bundle(tmp_path / "nowhere")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for label, case in (("daisy", DAISY), ("roses", ROSES)):
        (tmp_path / "photos" / label).mkdir(parents=True)
        (tmp_path / "photos" / label / "one.jpg").write_bytes(case.data)
        (tmp_path / "photos" / label / ".hidden").write_bytes(b"x")
        (tmp_path / "photos" / label / "Thumbs.db").write_bytes(b"x")
    (tmp_path / "photos" / "README.txt").write_text("two photos")
    return tmp_path / "photos"


def test_a_folder_of_class_folders_names_its_classes(photos: Path, url: str) -> None:
    cases = cases_from_images([str(photos)])
    assert [(case.label, Path(case.name).name) for case in cases] == [("daisy", "one.jpg"), ("roses", "one.jpg")]
    assert smoke_test(url, cases).passed


def test_files_and_folders_and_urls_take_one_class_each(photos: Path) -> None:
    with scripted_server(reply(body=ROSES.data)) as server:
        sources = [str(photos / "daisy" / "one.jpg"), str(photos / "roses"), f"{server.url}/r.jpg?sig=secret"]
        cases = cases_from_images(sources, ["daisy", "roses", "roses"], allow_private=True)
    assert [(case.label, case.data) for case in cases] == [
        ("daisy", DAISY.data),
        ("roses", ROSES.data),
        ("roses", ROSES.data),
    ]
    assert "secret" not in cases[2].name


def test_an_html_page_in_place_of_an_image_fails_its_check(url: str) -> None:
    page = reply(body=b"<html>not found</html>", Content_Type="text/html")
    with scripted_server(page) as server:
        cases = cases_from_images([f"{server.url}/photo.jpg"], ["daisy"], allow_private=True)
    result = smoke_test(url, cases)
    assert "status 400: image rejected: not a JPEG" in check(result, "daisy").detail
    assert not result.passed


def test_sources_and_classes_that_do_not_go_together_are_bad_input(photos: Path, tmp_path: Path) -> None:
    one = str(photos / "daisy" / "one.jpg")
    (tmp_path / "empty").mkdir()
    (tmp_path / "emptyclass" / "daisy").mkdir(parents=True)
    calls: list[tuple[list[str], list[str], str]] = [
        ([], [], "no test images"),
        ([one], ["daisy", "roses"], "1 images but 2 classes"),
        ([one, one], ["daisy"], "2 images but 1 classes"),
        ([one], [], "of which class"),
        (["https://example.org/a.jpg"], [], "of which class"),
        ([str(tmp_path / "empty")], [], "no class folders"),
        ([str(tmp_path / "empty")], ["daisy"], "no images in it"),
        ([str(tmp_path / "emptyclass")], [], "no images in it"),
        ([str(photos / "daisy")], [], "no class folders"),
        ([str(tmp_path / "nowhere.jpg")], ["daisy"], "No such file"),
        (["http://127.0.0.1:9/a.jpg"], ["daisy"], "not a public address"),
    ]
    for sources, classes, message in calls:
        with pytest.raises(BadInputError, match=message):
            cases_from_images(sources, classes)


def test_junit_names_every_check_and_counts_the_failures(tmp_path: Path) -> None:
    odd = "a\x00b\ud800<&>\n\u2028"
    checks = [Check(name="alive", passed=True, detail="fine"), Check(name=f"daisy: {odd}", passed=False, detail=odd)]
    write_junit(SmokeResult(passed=False, checks=checks, latency_ms={}), tmp_path / "reports" / "smoke.xml")
    suite = ElementTree.parse(tmp_path / "reports" / "smoke.xml").getroot()
    assert (suite.tag, suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("testsuite", "2", "1", "0")
    cases = suite.findall("testcase")
    assert [case.get("name") for case in cases] == ["alive", r"daisy: a\x00b\ud800<&>\n\u2028"]
    failure = cases[1].find("failure")
    assert failure is not None
    assert failure.get("message") == r"a\x00b\ud800<&>\n\u2028"


def test_file_names_with_anything_in_them_come_out_readable(tmp_path: Path, url: str) -> None:
    folder = tmp_path / "photos" / "daisy"
    folder.mkdir(parents=True)
    for name in (b"new\nline.jpg", b"-dash.jpg", "🌼.jpg".encode(), b"\xff\xfe.jpg"):
        (folder / Path(name.decode("utf-8", "surrogateescape"))).write_bytes(DAISY.data)
    result = smoke_test(url, cases_from_images([str(tmp_path / "photos")]))
    assert result.passed
    assert len(result.checks) == 9
    write_junit(result, tmp_path / "smoke.xml")
    assert all(one.name.isprintable() for one in result.checks)
    json.dumps(result.document(), ensure_ascii=False).encode()


class Managed:
    """What a managed endpoint puts before a scoring server: keys, a header for one deployment, 424 for refusals."""

    def __init__(self, app: Any, refusal_status: int | None = None) -> None:
        self._app = app
        self._refusal_status = refusal_status

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        allowed = headers.get("authorization") == "Bearer s3cret"
        known = scope["path"] == "/score" and headers.get("azureml-model-deployment") == "green"
        if not (known and allowed):
            await send({"type": "http.response.start", "status": 404 if allowed else 401, "headers": []})
            await send({"type": "http.response.body", "body": b""})
            return

        async def managed_send(message: Any) -> None:
            if message["type"] == "http.response.start" and message["status"] != 200:
                status = str(self._refusal_status or message["status"]).encode()
                told = (b"ms-azureml-model-error-statuscode", status)
                message = {**message, "status": 424, "headers": [*message["headers"], told]}
            await send(message)

        await self._app(scope, receive, managed_send)


MANAGED = {"headers": {"azureml-model-deployment": "green"}, "key": "s3cret", "has_health_routes": False}


def test_a_managed_endpoint_is_tested_through_header_and_key_without_health_routes(scorer: Scorer) -> None:
    with served(Managed(build_app(service_of(scorer)))) as url:
        result = smoke_test(url, [DAISY, ROSES], **MANAGED)
        assert result.passed, result.checks
        assert result.checks[0].name == "ready"
        assert check(result, "bad image").detail == "answered 400"
        assert failed(smoke_test(url, [DAISY], **{**MANAGED, "headers": {}})) == ["ready"]


def test_a_model_that_fails_behind_a_managed_endpoint_fails_the_test(scorer: Scorer) -> None:
    with served(Managed(build_app(service_of(scorer)), refusal_status=500)) as url:
        result = smoke_test(url, [DAISY], **MANAGED)
        assert failed(result) == ["bad image is refused"]
        assert check(result, "bad image").detail == "answered 500"
