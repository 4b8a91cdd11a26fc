"""`predictions.csv`: what the model said of every test photo, for spreadsheets and pandas."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from flowerops.steps.testsets import TestSet

COLUMNS = ("path", "true", "predicted", "right", "confidence", "sha256")
"""They come first; a column `p_CLASS` for each class follows."""


def predictions_csv(
    labels: Sequence[str], test: TestSet, truth: npt.NDArray[np.int64], probabilities: npt.NDArray[np.float32]
) -> bytes:
    """A head line and a line a photo, in the order of the test set; commas, UTF-8, quotes where they are needed.

    Args:
        labels: Class names in the order of the columns of `probabilities`.
        test: The photos.
        truth: int64 [n], indices into `labels`.
        probabilities: float32 [n, classes], 0..1, written with all their digits.
    """
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([*COLUMNS, *(f"p_{label}" for label in labels)])
    predicted = probabilities.argmax(1)
    for index, row in enumerate(probabilities):
        said, actual = int(predicted[index]), int(truth[index])
        head = (test.names[index], labels[actual], labels[said], int(said == actual), str(row[said]), test.keys[index])
        writer.writerow([*head, *(str(each) for each in row)])
    return stream.getvalue().encode("utf-8", "backslashreplace")
