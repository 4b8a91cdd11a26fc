"""What decides the result of a training bit by bit, and how two of them differ."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flowerops.domain.params import TrainParams
from flowerops.ml.runtime import versions

_OF_NO_EFFECT = {
    "threads",
    "cache",
    "require_gpu",
    "quantize",
    "max_quantize_drop",
    "saved_model",
    "tensorboard",
    "weights",
}
"""Parameters that leave the weights alone; the backbone's are told apart by their digest."""

_SOFTWARE = ("tensorflow", "tensorflow-cpu", "keras")


def decisive(params: TrainParams) -> dict[str, Any]:
    """The parameters that decide the result, as JSON has them."""
    return {**params.model_dump(mode="json", exclude=_OF_NO_EFFECT), "epochs": params.most_epochs}


def software() -> dict[str, str | None]:
    """The versions that a training can only go on with."""
    installed = versions()
    return {name: installed.get(name) for name in _SOFTWARE}


def differing(theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> list[str]:
    """Each difference in words: `params.seed is 42 and not 43`. Records in records are `outer.inner`."""
    flat, own = _flat(theirs), _flat(ours)
    names = [*own, *(name for name in flat if name not in own)]
    return [f"{name} is {flat.get(name)} and not {own.get(name)}" for name in names if flat.get(name) != own.get(name)]


def _flat(value: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    """{"params": {"seed": 1}} as {"params.seed": 1}."""
    flat: dict[str, Any] = {}
    for name, member in value.items():
        if isinstance(member, Mapping):
            flat |= _flat(member, f"{above}{name}.")
        else:
            flat[above + name] = member
    return flat
