"""What the scoring script does before any server comes in; functional/test_inference_server.py has the rest."""

from __future__ import annotations

import shutil
from io import BytesIO
from pathlib import Path

import pytest

from flowerops.errors import StoreIntegrityError
from flowerops.io.hashing import verify_seal
from flowerops.serving.azureml_entry import find_bundle, load_entry, read_body
from flowerops.serving.errors import ApiError
from flowerops.serving.trace import Caller
from helpers.tiny_bundle import photo


class FakeRequest:
    """As much of Flask's request as the script uses."""

    def __init__(self, body: bytes, method: str = "POST") -> None:
        self.method, self.headers, self.args = method, {"content-type": "image/jpeg"}, {}
        self.stream, self.content_length = BytesIO(body), len(body)


@pytest.mark.parametrize("below", [".", "flower_classifier", "a/b"])
def test_the_bundle_is_found_wherever_it_lies_below_the_models_folder(tmp_path: Path, below: str) -> None:
    (tmp_path / below).mkdir(parents=True, exist_ok=True)
    (tmp_path / below / "bundle.json").touch()
    assert find_bundle(tmp_path) == tmp_path / below


def test_no_bundle_and_two_bundles_are_told(tmp_path: Path) -> None:
    with pytest.raises(StoreIntegrityError, match="no model bundles"):
        find_bundle(tmp_path)
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "bundle.json").touch()
    with pytest.raises(StoreIntegrityError, match="2 model bundles"):
        find_bundle(tmp_path)


def test_another_bundle_than_the_deployed_one_is_not_served(tiny_bundle: Path) -> None:
    with pytest.raises(StoreIntegrityError):
        load_entry({"AZUREML_MODEL_DIR": str(tiny_bundle), "FLOWEROPS_MODEL_DIGEST": "0" * 64})


def test_the_cores_are_shared_among_the_workers_and_answers_name_the_model(tiny_bundle: Path) -> None:
    env = {
        "AZUREML_MODEL_DIR": str(tiny_bundle),
        "WORKER_COUNT": "1000",
        "FLOWEROPS_MODEL_NAME": "m",
        "FLOWEROPS_MODEL_VERSION": "7",
    }
    front = load_entry(env)
    answer = front.handle(FakeRequest(photo((250, 250, 250))), Caller("r-1", None))
    assert answer.status == 200
    assert answer.document["model"] == {"name": "m", "version": 7, "digest": verify_seal(tiny_bundle)}
    assert answer.document["request_id"] == "r-1"


def test_a_fault_is_a_500_that_tells_nothing(tiny_bundle: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_bundle, tmp_path / "bundle")
    front = load_entry({"AZUREML_MODEL_DIR": str(tmp_path)})
    request = FakeRequest(b"")
    request.stream = None  # type: ignore[assignment]
    answer = front.handle(request, Caller("r-2", None))
    assert (answer.status, answer.document["error"]["code"]) == (500, "internal")
    assert "NoneType" not in str(answer.document)


@pytest.mark.parametrize("declared", [None, 3, 11, 10**12])
def test_a_body_over_the_limit_is_refused_whatever_the_header_says(declared: int | None) -> None:
    stream = BytesIO(b"x" * 11)
    with pytest.raises(ApiError) as caught:
        read_body(stream, declared, 10)
    assert caught.value.status == 413
    assert read_body(BytesIO(b"x" * 10), 10, 10) == b"x" * 10
