"""Which parts of a photo decide? Cover one after the other and see how much less sure the model is.

It needs answers only, not the inside of the model, so it works with the LiteRT form that serves.
Source: M. Zeiler and R. Fergus, "Visualizing and understanding convolutional networks" (2014), section 4.2.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from flowerops.images import content_box
from flowerops.serving.interpreters import Pixels
from flowerops.serving.scorer import Scorer

_CLIP = 1e-7
_COVER = 2
"""A cover's sides, in cells of the grid: neighbours overlap, so that nothing falls between two covers."""


@dataclass(frozen=True)
class Occlusion:
    """What covering did.

    label: of which class the probability is. probabilities: of the whole photo, float32 [classes].
    grid: float32 [rows, columns], a cell a part of the photo without its letterbox: by how much the log-odds of the
    label fall when the part is covered; below 0 where the part speaks against it. largest_drop: of the probability, by
    any one cover, 0..1.
    """

    label: str
    probabilities: npt.NDArray[np.float32]
    grid: npt.NDArray[np.float32]
    largest_drop: float


def occlude(scorer: Scorer, pixels: Pixels, cells: int = 11, label: str | None = None) -> Occlusion:
    """Score a photo as it is, and with each part covered by its mean colour.

    Args:
        scorer: The model.
        pixels: The photo in the model's geometry, uint8 RGB [size, size, 3].
        cells: How many parts the longer side is divided into; at most their square is scored.
        label: Of which class; the predicted one when None.
    """
    left, top, right, bottom = content_box(pixels)
    width, height = right - left, bottom - top
    longer = max(width, height)
    columns, rows = (max(1, min(side, round(cells * side / longer))) for side in (width, height))
    colour = pixels[top:bottom, left:right].reshape(-1, 3).mean(0).round().astype(np.uint8)
    covered = np.repeat(pixels[None], rows * columns + 1, axis=0)
    for row in range(rows):
        for column in range(columns):
            down, across = _span(row, rows, height), _span(column, columns, width)
            target = covered[1 + row * columns + column]
            target[top + down[0] : top + down[1], left + across[0] : left + across[1]] = colour
    answers = scorer.score_pixels(covered)
    index = int(answers[0].argmax()) if label is None else scorer.labels.index(label)
    chances = answers[:, index].astype(np.float64)
    odds = _log_odds(chances)
    return Occlusion(
        label=scorer.labels[index],
        probabilities=answers[0],
        grid=(odds[0] - odds[1:]).reshape(rows, columns).astype(np.float32),
        largest_drop=float(max(0.0, (chances[0] - chances[1:]).max())),
    )


def _span(cell: int, cells: int, length: int) -> tuple[int, int]:
    """The pixels under the cover whose middle is that of the cell."""
    step = length / cells
    middle = (cell + 0.5) * step
    first, last = round(middle - _COVER * step / 2), round(middle + _COVER * step / 2)
    return max(0, first), min(length, max(last, first + 1))


def _log_odds(chances: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    clipped = np.clip(chances, _CLIP, 1 - _CLIP)
    odds: npt.NDArray[np.float64] = np.log(clipped) - np.log1p(-clipped)
    return odds
