"""The HTTP side of a smoke test: ask an endpoint, patiently while it warms up, and take nothing odd for an answer."""

from __future__ import annotations

import math
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard

from flowerops.domain.deployment import TEST_REQUESTS
from flowerops.errors import RemoteError
from flowerops.io.fetch import retry_after
from flowerops.io.http import HttpAnswer, NoAnswerError, send
from flowerops.targets.protocol import Probe

_KEY_HEADER = "Authorization"
_WARMING_UP = {408, 429, 502, 503, 504}
_MODEL_ERROR = 424
_MODEL_STATUS = "ms-azureml-model-error-statuscode"
_FIRST_PAUSE_S = 0.05
_LONGEST_PAUSE_S = 2.0
_SUM_TOLERANCE = 0.01


@dataclass(frozen=True)
class Prediction:
    """A well-formed answer: label, probabilities by label (0..1), the model it names, and the milliseconds it took."""

    label: str
    probabilities: dict[str, float]
    model: Mapping[str, Any]
    ms: float


class EndpointClient:
    """Asks one endpoint; while it warms up, a refused connection or a gateway's 429 or 5xx is tried again.

    Every request has an id by which it can be told from those of others in the endpoint's log.

    Args:
        probe: How to reach it.
        patient: Whether anything is tried again at all.
    """

    def __init__(self, probe: Probe, *, patient: bool = True) -> None:
        self._url = probe.url.rstrip("/")
        self._headers = probe.all_headers
        self._timeout_s = probe.timeout_s
        self._warm_at = time.monotonic() + (probe.warmup_s if patient else 0.0)

    def get(self, path: str) -> HttpAnswer:
        """GET, with patience.

        Raises:
            RemoteError: No answer.
        """
        return self._patiently("GET", path, None, {})[0]

    def score(self, data: bytes) -> Prediction:
        """Score an image.

        Raises:
            RemoteError: No answer, a refusal, or anything but one well-formed prediction.
        """
        answer, ms = self.post_image(data, "application/octet-stream")
        if answer.status != 200:
            raise RemoteError(f"status {status_of(answer)}{message_of(answer)}")
        return read_prediction(answer.json(), ms)

    def post_image(self, data: bytes, media_type: str) -> tuple[HttpAnswer, float]:
        """POST bytes to /score; gives the answer, whatever its status, and the milliseconds it took."""
        return self._patiently("POST", "/score", data, {"Content-Type": media_type})

    def post_with_key(self, data: bytes, key: str | None) -> HttpAnswer:
        """POST bytes to /score with another key than the endpoint's, or with none."""
        stranger = EndpointClient(Probe(self._url, timeout_s=self._timeout_s, warmup_s=0.0))
        stranger._headers = {name: value for name, value in self._headers.items() if name != _KEY_HEADER}
        stranger._headers |= {_KEY_HEADER: f"Bearer {key}"} if key else {}
        return stranger.post_image(data, "application/octet-stream")[0]

    def _patiently(
        self, method: str, path: str, body: bytes | None, headers: dict[str, str]
    ) -> tuple[HttpAnswer, float]:
        pause = _FIRST_PAUSE_S
        while True:
            started = time.perf_counter()
            late, asked = time.monotonic() + pause > self._warm_at, 0.0
            try:
                named = {"X-Request-Id": f"{TEST_REQUESTS}{secrets.token_hex(8)}"}
                answer = send(method, self._url + path, body, self._headers | named | headers, self._timeout_s)
                if answer.status not in _WARMING_UP or late:
                    return answer, (time.perf_counter() - started) * 1000
                asked = retry_after(answer.headers, 1) if "retry-after" in answer.headers else 0.0
            except NoAnswerError:
                if late:
                    raise
            time.sleep(min(max(pause, asked), max(pause, self._warm_at - time.monotonic())))
            pause = min(pause * 1.5, _LONGEST_PAUSE_S)


def status_of(answer: HttpAnswer) -> int:
    """The model's own status: a managed endpoint answers 424 for whatever its model refuses, and says which it was.

    Source: "HTTP status codes for online endpoints" in the documentation of Azure Machine Learning.
    """
    said = answer.headers.get(_MODEL_STATUS, "")
    return int(said) if answer.status == _MODEL_ERROR and said.isascii() and said.isdigit() else answer.status


def read_prediction(document: Any, ms: float = 0.0) -> Prediction:
    """The answer to one image, as it is or as the only one of a list; ms: how long it took, where that was measured.

    Raises:
        RemoteError: It is anything but one well-formed prediction.
    """
    if not isinstance(document, dict):
        raise RemoteError("the answer is no JSON object")
    one, model = document, document.get("model")
    if "predictions" in document:
        several = document["predictions"]
        if not isinstance(several, list) or len(several) != 1 or not isinstance(several[0], dict):
            count = len(several) if isinstance(several, list) else "no list of"
            raise RemoteError(f"one image was sent, and {count} predictions came back")
        one = several[0]
    label, probabilities = one.get("label"), one.get("probabilities")
    if not isinstance(label, str) or not _is_distribution(probabilities) or label not in probabilities:
        raise RemoteError("the answer has no label with probabilities that add up to 1")
    return Prediction(label, probabilities, model if isinstance(model, dict) else {}, ms)


def _is_distribution(value: Any) -> TypeGuard[dict[str, float]]:
    if not isinstance(value, dict) or not value:
        return False
    shares = list(value.values())
    numbers = all(isinstance(share, int | float) and not isinstance(share, bool) for share in shares)
    return numbers and all(0 <= share <= 1 for share in shares) and math.isclose(sum(shares), 1, abs_tol=_SUM_TOLERANCE)


def message_of(answer: HttpAnswer) -> str:
    """`: why`, where a refusal says why."""
    try:
        return f": {answer.json()['error']['message']}"
    except (RemoteError, KeyError, TypeError):
        return ""
