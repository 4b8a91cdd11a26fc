"""What `predict --endpoint` makes of an endpoint that answers something else than a prediction."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from flowerops.errors import BadInputError, FlowerOpsError, RemoteError
from flowerops.services import predict as service
from flowerops.services.predict import predict_with_endpoint
from flowerops.targets.protocol import Probe
from helpers.scripted_server import reply, scripted_server

GOOD = {"label": "daisy", "probabilities": {"daisy": 0.9, "roses": 0.1}, "model": {"name": "m", "version": 1}}


def predict(url: str, image: Path) -> dict[str, Any]:
    image.write_bytes(b"a photo")
    target: Any = SimpleNamespace(endpoints=SimpleNamespace(probe=lambda name: Probe(url)))
    return predict_with_endpoint(target, "flowers", [image])


def test_a_prediction_is_handed_on(tmp_path: Path) -> None:
    with scripted_server(reply(body=json.dumps(GOOD).encode(), Content_Type="application/json")) as server:
        document = predict(server.url, tmp_path / "a.jpg")
    assert document["predictions"][0]["label"] == "daisy"
    assert document["model"] == GOOD["model"]


@pytest.mark.parametrize("body", ["[]", "{}", '{"label": "daisy"}', '{"label": 3, "probabilities": {"3": 1}}', "no"])
def test_anything_else_is_a_failure_of_the_endpoint(tmp_path: Path, body: str) -> None:
    with (
        scripted_server(reply(body=body.encode(), Content_Type="application/json")) as server,
        pytest.raises(RemoteError),
    ):
        predict(server.url, tmp_path / "a.jpg")


def test_a_file_without_an_end_is_no_photo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "MAX_FILE_BYTES", 1 << 20)
    with pytest.raises(BadInputError, match="/dev/zero: larger than 1 MiB"):
        service.read_image(Path("/dev/zero"))


@pytest.mark.parametrize(("status", "kind"), [("415 Unsupported Media Type", BadInputError), ("500 Oh", RemoteError)])
def test_a_refusal_of_the_photo_is_the_photos_fault(tmp_path: Path, status: str, kind: type[FlowerOpsError]) -> None:
    with scripted_server(reply(status)) as server, pytest.raises(kind, match=r"a\.jpg"):
        predict(server.url, tmp_path / "a.jpg")
