"""The JSON of a scored image."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flowerops.images import ImageRejectedError
from flowerops.serving.errors import ApiError
from flowerops.serving.scorer import Scored, Scorer


def wanted_top(query: Mapping[str, str]) -> int | None:
    """`?top=K`: how many of the most probable labels to answer; None means all.

    Raises:
        ApiError: 400, not a whole number from 1 on.
    """
    given = query.get("top")
    if given is None:
        return None
    if not (given.isascii() and given.isdigit() and len(given) < 10 and int(given) > 0):
        raise ApiError(400, "bad_parameter", "top must be a whole number from 1 on")
    return int(given)


def scored_or_refused(scorer: Scorer, data: bytes) -> Scored | ImageRejectedError:
    """Score an image file; one that is refused gives the refusal."""
    try:
        return scorer.score(data)
    except ImageRejectedError as error:
        return error


def prediction(scored: Scored, top: int | None) -> dict[str, Any]:
    """Label and probabilities: all in the order of the model's labels, or the `top` most probable, best first."""
    probabilities = scored.probabilities
    if top is not None:
        ranked = sorted(probabilities.items(), key=lambda item: -item[1])
        probabilities = dict(ranked[:top])
    return {"label": scored.label, "probabilities": probabilities}


def identity(scorer: Scorer, name: str, version: int) -> dict[str, object]:
    """What every answer says about its model: name, version, digest, dataset and build."""
    dataset = scorer.info.processed
    return {
        "model": {"name": name, "version": version, "digest": scorer.digest},
        "dataset": {"name": dataset.name, "version": dataset.version, "digest": dataset.digest},
        "build_id": scorer.info.build_id,
    }


def answer(scored: list[Scored | ImageRejectedError], single: bool, top: int | None) -> dict[str, Any]:
    """The scored part of an answer: the prediction itself for a single image, else a list of them.

    Raises:
        ApiError: 400, an image was refused; the message says why, and which one where there are several.
    """
    predictions = []
    for index, one in enumerate(scored):
        if isinstance(one, ImageRejectedError):
            which = "" if single else f" {index}"
            raise ApiError(400, "bad_image", f"image{which} rejected: {one.reason}")
        predictions.append(prediction(one, top))
    return predictions[0] if single else {"predictions": predictions}
