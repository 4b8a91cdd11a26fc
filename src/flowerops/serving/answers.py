"""The JSON of a scored image."""

from __future__ import annotations

from typing import Any

from starlette.datastructures import QueryParams

from flowerops.images import ImageRejectedError
from flowerops.serving.errors import ApiError
from flowerops.serving.scorer import Scored


def wanted_top(query: QueryParams) -> int | None:
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


def prediction(scored: Scored, top: int | None) -> dict[str, Any]:
    """Label and probabilities: all in the order of the model's labels, or the `top` most probable, best first."""
    probabilities = scored.probabilities
    if top is not None:
        ranked = sorted(probabilities.items(), key=lambda item: -item[1])
        probabilities = dict(ranked[:top])
    return {"label": scored.label, "probabilities": probabilities}


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
