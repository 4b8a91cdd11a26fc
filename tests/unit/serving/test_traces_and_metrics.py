from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from flowerops.io.http import send
from flowerops.serving.app import build_app
from flowerops.serving.metrics import Counters
from flowerops.serving.scorer import Scorer
from flowerops.serving.trace import caller_of, trace_of
from helpers.served import ready_service, served, wait_until
from helpers.tiny_bundle import COLOURS, photo

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
_LINE = re.compile(r'([a-z_]+)(?:\{((?:[a-z_]+="(?:[^"\\]|\\.)*",?)*)\})? (\S+)')


@pytest.mark.parametrize("header", [f"00-{TRACE}-{SPAN}-01", f" 00-{TRACE}-{SPAN}-00 ", f"cc-{TRACE}-{SPAN}-01-more"])
def test_a_callers_trace_goes_on_with_a_span_of_ours(header: str) -> None:
    trace = trace_of(header)
    assert trace is not None
    assert (trace.trace_id, trace.parent_id) == (TRACE, SPAN)
    assert re.fullmatch(f"00-{TRACE}-[0-9a-f]{{16}}-0[01]", trace.response)
    assert trace.span_id != SPAN


@pytest.mark.parametrize(
    "header",
    [
        *(None, "", "00", f"00-{TRACE.upper()}-{SPAN}-01", f"ff-{TRACE}-{SPAN}-01", f"00-{TRACE}-{SPAN}-01-more"),
        *(f"00-{'0' * 32}-{SPAN}-01", f"00-{TRACE}-{'0' * 16}-01", f"00-{TRACE[:-1]}-{SPAN}-01", f"00-{TRACE}-{SPAN}"),
    ],
)
def test_a_malformed_trace_counts_as_none(header: str | None) -> None:
    assert trace_of(header) is None


def test_a_request_is_named_by_its_id_else_its_trace_else_by_us() -> None:
    trace = {"traceparent": f"00-{TRACE}-{SPAN}-01"}
    assert caller_of({"x-request-id": "mine", **trace}).request_id == "mine"
    assert caller_of(trace).request_id == TRACE
    assert caller_of({}, "made").request_id == "made"
    assert re.fullmatch("[0-9a-f]{32}", caller_of({}).request_id)
    assert set(caller_of(trace).fields) == {"request_id", "trace_id", "span_id", "parent_id"}


@pytest.fixture
def url(tiny_bundle: Path) -> Iterator[str]:
    service = ready_service(Scorer.load(tiny_bundle), name='na"me\\', version=3)
    with served(build_app(service)) as url:
        yield url


def numbers(url: str) -> dict[tuple[str, str], float]:
    answer = send("GET", f"{url}/metrics")
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    found = {}
    for line in answer.body.decode().splitlines():
        if not line.startswith("#"):
            parsed = _LINE.fullmatch(line)
            assert parsed is not None, line
            found[parsed[1], parsed[2] or ""] = float(parsed[3])
    return found


def test_metrics_count_requests_latency_and_labels_and_name_the_model(url: str) -> None:
    send("POST", f"{url}/score", photo(COLOURS[0]))
    send("POST", f"{url}/score", photo(COLOURS[1]))
    send("POST", f"{url}/score", b"no image")
    send("GET", f"{url}/nowhere")
    wait_until(lambda: ("flowerops_requests_total", 'path="other",status="404"') in numbers(url), "the counts")
    found = numbers(url)
    assert found["flowerops_requests_total", 'path="/score",status="200"'] == 2
    assert found["flowerops_requests_total", 'path="/score",status="400"'] == 1
    assert found["flowerops_predictions_total", 'label="daisy"'] == 1
    assert found["flowerops_score_seconds_count", ""] == 2
    assert found["flowerops_score_seconds_bucket", 'le="+Inf"'] == 2
    assert found["flowerops_score_seconds_sum", ""] > 0
    assert (found["flowerops_ready", ""], found["flowerops_queue_limit", ""]) == (1, 64)
    (labels,) = (labels for name, labels in found if name == "flowerops_model_info")
    assert r'name="na\"me\\",version="3"' in labels
    assert f'dataset_digest="{"b" * 64}"' in labels


def test_every_number_is_explained_once_and_before_it_comes(url: str) -> None:
    lines = send("GET", f"{url}/metrics").body.decode().splitlines()
    explained = [line.split()[2] for line in lines if line.startswith("# TYPE")]
    assert len(explained) == len(set(explained))
    for line in lines:
        if not line.startswith("#"):
            name = re.sub("_(bucket|sum|count)$", "", re.split(r"[{ ]", line)[0])
            assert name in explained


def test_buckets_add_up() -> None:
    counters = Counters()
    for seconds in (0.001, 0.005, 0.0051, 3.0, 99.0):
        counters.request("/score", 200, seconds)
    lines = [line for line in counters.lines() if "_bucket" in line]
    assert [int(line.split()[1]) for line in lines] == [2, 3, 3, 3, 3, 3, 3, 3, 3, 4, 4, 5]
