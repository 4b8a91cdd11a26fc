"""predict: what a model says about photos."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from flowerops.domain.names import Selector
from flowerops.errors import BadInputError, RemoteError
from flowerops.images import ImageRejectedError
from flowerops.io.http import send
from flowerops.services.selection import find_model
from flowerops.serving.scorer import Scorer
from flowerops.targets.protocol import Target

_TIMEOUT_S = 30.0


def predict_with_model(target: Target, selector: Selector, images: Sequence[Path]) -> dict[str, Any]:
    """Score files with a registered model in this process.

    Returns:
        JSON members `predictions` and `model`.

    Raises:
        BadInputError: No such model, or a file that cannot be read or is not an image.
    """
    payloads = [(path, _read(path)) for path in images]
    model = find_model(target, selector)
    scorer = Scorer.load(target.models.open(model), model.digest)
    predictions = []
    for path, data in payloads:
        try:
            scored = scorer.score(data)
        except ImageRejectedError as error:
            raise BadInputError(f"{path}: {error.message}", error.hint) from error
        predictions.append({"path": str(path), "label": scored.label, "probabilities": scored.probabilities})
    described = {"name": model.name, "version": model.version, "digest": model.digest}
    return {"predictions": predictions, "model": described, "synthetic": scorer.info.synthetic}


def predict_with_endpoint(target: Target, name: str, images: Sequence[Path], key: str | None) -> dict[str, Any]:
    """Score files at a running endpoint.

    Raises:
        BadInputError: No such endpoint, or a file that cannot be read or that the server refuses.
        RemoteError: Nothing serves there, or it failed.
    """
    endpoint = target.endpoints.find(name)
    if endpoint.url is None or endpoint.status == "stopped":
        raise RemoteError(f"endpoint {name} serves nothing", f"Deploy a model: flowerops deploy --endpoint {name}")
    headers = {"Content-Type": "application/octet-stream"} | ({"Authorization": f"Bearer {key}"} if key else {})
    predictions, model = [], None
    for path in images:
        answer = send("POST", f"{endpoint.url}/score", _read(path), headers, _TIMEOUT_S)
        body = answer.json()
        if answer.status >= 400:
            kind = BadInputError if answer.status in (400, 413, 415) else RemoteError
            raise kind(f"{path}: the endpoint answered {answer.status}: {body['error']['message']}")
        predictions.append({"path": str(path), "label": body["label"], "probabilities": body["probabilities"]})
        model = body["model"]
    return {"predictions": predictions, "model": model, "endpoint": name}


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadInputError(f"{path}: {error.strerror}", "Name image files.") from error
