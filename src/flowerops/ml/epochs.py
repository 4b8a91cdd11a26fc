"""Epoch after epoch: by `model.fit` on one device, by a loop of our own on several."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flowerops.ml.batches import Batches
from flowerops.ml.devices import active
from flowerops.ml.loop import Loop

LOSS = "crossentropy"


@dataclass(frozen=True)
class Hooks:
    """class_weight: weight of each class in the training loss. judging: called before an epoch's validation.

    ended: called after each epoch with its number from 0 and its metrics LOSS and accuracy, and both with val_ before;
    it may set `model.stop_training`.
    """

    class_weight: dict[int, float] | None
    judging: Callable[[], None]
    ended: Callable[[int, dict[str, float]], None]


def run_epochs(model: Any, train: Batches, val: Batches, span: range, hooks: Hooks) -> None:
    """Train on the active devices.

    Args:
        model: Compiled and built; its metrics are called accuracy and LOSS.
        train: What to learn from.
        val: What to judge by after each epoch.
        span: The epochs, from 0.
        hooks: Who hears of them.
    """
    devices = active()
    if devices.replicas is None:
        _fit(model, train, val, span, hooks)
        return
    loop = Loop(model, devices.replicas, hooks.class_weight, xla=bool(model.jit_compile))
    model.stop_training = False
    for epoch in span:
        train.begin_epoch(epoch)
        found = loop.run(train, val, hooks.judging)
        hooks.ended(epoch, {name.replace("loss", LOSS): value for name, value in found.items()})
        if model.stop_training:
            break


def _fit(model: Any, train: Batches, val: Batches, span: range, hooks: Hooks) -> None:
    import keras

    model.fit(
        train.dataset,
        validation_data=val.dataset,
        initial_epoch=span.start,
        epochs=span.stop,
        class_weight=hooks.class_weight,
        shuffle=False,  # the dataset does it
        verbose=0,
        callbacks=[
            keras.callbacks.LambdaCallback(
                on_epoch_begin=lambda index, _: train.begin_epoch(index),
                on_test_begin=lambda _: hooks.judging(),
                on_epoch_end=hooks.ended,
            )
        ],
    )
