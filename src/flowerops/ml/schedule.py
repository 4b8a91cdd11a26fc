"""How fast fine-tuning learns at each step, and by which rule."""

from __future__ import annotations

from typing import Any

_WEIGHT_DECAY = 1e-4
"""Per unit of learning rate, on kernels only: what little fine-tuning changes stays near where it began."""


def warm_cosine(learning_rate: float, steps: int, warm_up: float) -> Any:
    """A learning rate that rises from 0 in a straight line, then falls to 0 along half a cosine.

    Source: I. Loshchilov and F. Hutter, "SGDR" (2017); warm-up after P. Goyal et al. (2017).

    Args:
        learning_rate: The highest.
        steps: Of the whole training, at least 1.
        warm_up: Share of them (0..1) in which it rises.

    Returns:
        keras.optimizers.schedules.LearningRateSchedule.
    """
    from keras.optimizers.schedules import CosineDecay

    rising = min(round(steps * warm_up), steps - 1)
    if rising == 0:
        return CosineDecay(learning_rate, steps)
    return CosineDecay(0.0, steps - rising, warmup_target=learning_rate, warmup_steps=rising)


def adamw(learning_rate: Any, ema: float | None) -> Any:
    """AdamW (I. Loshchilov and F. Hutter, 2019), which also keeps a moving average of the weights where one is wanted.

    Args:
        learning_rate: A number or a schedule.
        ema: Momentum of the average, or None.
    """
    from keras.optimizers import AdamW

    average = {"use_ema": True, "ema_momentum": ema} if ema is not None else {}
    optimizer = AdamW(learning_rate, weight_decay=_WEIGHT_DECAY, **average)
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    return optimizer


def averaged_adam(learning_rate: float, momentum: float) -> Any:
    """Adam (D. Kingma and J. Ba, 2015) with a moving average of the weights."""
    from keras.optimizers import Adam

    return Adam(learning_rate, use_ema=True, ema_momentum=momentum)
