"""The weight decay of the head, chosen on the validation split by short fits of all candidates side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from flowerops.ml.learning import Labels

CANDIDATES = (1e-3, 3e-3, 1e-2, 3e-2)
"""Around what suits a thousand photos; smaller ones overfit features of this width, larger ones underfit."""

_STEPS = 240
_LOOKS = 12
"""How often in a fit the validation loss is measured: each candidate may stop where it does best, as the head does."""
_MOST_VAL = 4096
_MEAN_DECAY, _SQUARE_DECAY, _TINY = 0.9, 0.999, 1e-7

Array = npt.NDArray[np.float32]


@dataclass(frozen=True)
class ShortFit:
    """How the head itself will be fitted, as far as it matters here.

    classes: number of labels. batch_size, learning_rate, label_smoothing, seed: as there. class_weight: weight of each
    class in the loss, or None.
    """

    classes: int
    batch_size: int
    learning_rate: float
    label_smoothing: float
    class_weight: dict[int, float] | None
    seed: int


def choose_weight_decay(
    train: tuple[Array, Labels], val: tuple[Array, Labels], how: ShortFit, candidates: tuple[float, ...] = CANDIDATES
) -> float:
    """The candidate whose head has the lowest validation cross-entropy.

    One softmax layer for each candidate learns from the same batches by Adam (D. Kingma and J. Ba, 2015), so that a
    step is two matrix products for all of them. The work is bounded: 240 steps, however many images there are. The
    same arguments give the same answer.

    Args:
        train: Features float32 [n, d] and labels int64 [n] to learn from.
        val: The same, to judge by; at most 4,096 of it, spread over the split.
        how: As the head is fitted.
        candidates: Factors of the sum of squared weights.
    """
    heads = _Heads(train[0].shape[1], how, candidates)
    noise = np.random.default_rng((how.seed, len(train[1])))
    judged = np.linspace(0, len(val[1]) - 1, min(len(val[1]), _MOST_VAL)).astype(np.int64)
    features, labels = np.asarray(val[0][judged], np.float32), val[1][judged]
    lowest = np.full(len(candidates), np.inf)
    for step in range(1, _STEPS + 1):
        rows = np.sort(noise.integers(0, len(train[1]), how.batch_size))
        heads.learn(train[0][rows], train[1][rows], step)
        if step % (_STEPS // _LOOKS) == 0:
            lowest = np.fmin(lowest, heads.losses(features, labels))
    return candidates[int(np.argmin(lowest))]


class _Heads:
    """Softmax layers side by side: weights float32 [candidates, d, classes], biases [candidates, 1, classes]."""

    def __init__(self, width: int, how: ShortFit, candidates: tuple[float, ...]) -> None:
        count, classes = len(candidates), how.classes
        self._how = how
        self._penalty = np.array(candidates, np.float32)[:, None, None]
        self._weights: Array = np.zeros((count, width, classes), np.float32)
        self._biases: Array = np.zeros((count, 1, classes), np.float32)
        self._moments: dict[str, tuple[Array, Array]] = {}
        weights = how.class_weight or dict.fromkeys(range(classes), 1.0)
        self._class_weight = np.array([weights[label] for label in range(classes)], np.float32)

    def learn(self, features: Array, labels: Labels, step: int) -> None:
        """One step of Adam on a batch: float32 [b, d], int64 [b]."""
        smoothing, classes = self._how.label_smoothing, self._how.classes
        truth = np.eye(classes, dtype=np.float32)[labels] * (1 - smoothing) + np.float32(smoothing / classes)
        share = (self._class_weight[labels] / len(labels))[None, :, None]
        error = (self._probabilities(features) - truth) * share
        gradient = np.matmul(features.T, error) + 2 * self._penalty * self._weights
        self._weights = self._moved("weights", self._weights, gradient, step)
        self._biases = self._moved("biases", self._biases, error.sum(axis=1, keepdims=True), step)

    def losses(self, features: Array, labels: Labels) -> npt.NDArray[Any]:
        """Mean cross-entropy of each head, in nats, float [candidates]."""
        right = self._probabilities(features)[:, np.arange(len(labels)), labels]
        return -np.log(np.maximum(right, _TINY)).mean(axis=1)

    def _probabilities(self, features: Array) -> Array:
        logits = np.matmul(features, self._weights) + self._biases
        powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
        return powers / powers.sum(axis=-1, keepdims=True)

    def _moved(self, name: str, value: Array, gradient: Array, step: int) -> Array:
        nothing = np.zeros_like(value)
        mean, square = self._moments.get(name, (nothing, nothing))
        mean = _MEAN_DECAY * mean + (1 - _MEAN_DECAY) * gradient
        square = _SQUARE_DECAY * square + (1 - _SQUARE_DECAY) * gradient**2
        self._moments[name] = (mean, square)
        rate = self._how.learning_rate * (1 - _SQUARE_DECAY**step) ** 0.5 / (1 - _MEAN_DECAY**step)
        return (value - rate * mean / (np.sqrt(square) + _TINY)).astype(np.float32, copy=False)
