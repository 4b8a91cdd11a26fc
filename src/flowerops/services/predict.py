"""predict: what a model says about photos."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from flowerops.datasets.scan import MAX_FILE_BYTES
from flowerops.domain.names import Selector
from flowerops.errors import BadInputError, RemoteError
from flowerops.images import ImageRejectedError
from flowerops.io.http import send
from flowerops.io.reading import read_bounded
from flowerops.services.selection import find_model
from flowerops.services.smoke_client import message_of, read_prediction, status_of
from flowerops.serving.scorer import Scorer
from flowerops.targets.protocol import Target

_TIMEOUT_S = 30.0


def predict_with_model(
    target: Target, selector: Selector, images: Sequence[Path], *, quantized: bool = False
) -> dict[str, Any]:
    """Score files with a registered model in this process, or with its int8 form.

    Returns:
        JSON members `predictions` and `model`.

    Raises:
        BadInputError: No such model, no int8 form of it, or a file that cannot be read or is not an image.
    """
    payloads = [(path, read_image(path)) for path in images]
    model = find_model(target, selector)
    scorer = Scorer.load(target.models.open(model), model.digest, quantized=quantized)
    predictions = []
    for path, data in payloads:
        try:
            scored = scorer.score(data)
        except ImageRejectedError as error:
            raise BadInputError(f"{path}: {error.message}", error.hint) from error
        predictions.append({"path": str(path), "label": scored.label, "probabilities": scored.probabilities})
    described = model.ref.model_dump()
    return {"predictions": predictions, "model": described, "synthetic": scorer.info.synthetic}


def predict_with_endpoint(target: Target, name: str, images: Sequence[Path]) -> dict[str, Any]:
    """Score files at a running endpoint.

    Raises:
        BadInputError: No such endpoint, or a file that cannot be read or that the server refuses.
        RemoteError: Nothing serves there, it failed, or it gave no well-formed prediction.
    """
    probe = target.endpoints.probe(name)
    headers = {"Content-Type": "application/octet-stream"} | probe.all_headers
    predictions: list[dict[str, Any]] = []
    model: Mapping[str, Any] | None = None
    for path in images:
        answer = send("POST", f"{probe.url}/score", read_image(path), headers, max(_TIMEOUT_S, probe.timeout_s))
        status = status_of(answer)
        if status >= 400:
            kind = BadInputError if status in (400, 413, 415) else RemoteError
            raise kind(f"{path}: the endpoint answered {status}{message_of(answer)}")
        said = read_prediction(answer.json())
        predictions.append({"path": str(path), "label": said.label, "probabilities": said.probabilities})
        model = said.model
    return {"predictions": predictions, "model": model, "endpoint": name}


def read_image(path: Path) -> bytes:
    """A file's bytes.

    Raises:
        BadInputError: It cannot be read, or is larger than any photo: a device, say, which never ends.
    """
    try:
        return read_bounded(path, MAX_FILE_BYTES)
    except OSError as error:
        raise BadInputError(f"{path}: {error.strerror}", "Name image files.") from error
