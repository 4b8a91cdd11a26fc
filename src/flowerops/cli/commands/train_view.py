"""What a training that was tuned, measured or quantized shows besides."""

from __future__ import annotations

from typing import Any

from flowerops.cli.console import Console
from flowerops.cli.layout import Verbatim, short_path, size


def facts(document: dict[str, Any]) -> dict[str, str]:
    """Further rows for the result of a training."""
    rows: dict[str, str] = {}
    cost = document["cost"]
    rates = {"features": "images_per_second_features", "training": "images_per_second_fit"}
    said = [f"{what} {cost[name]:,.0f}" for what, name in rates.items() if name in cost]
    if said:
        rows["speed"] = f"{', '.join(said)} images/s"
    memory = {"process": "peak_memory_mib", "GPU": "peak_gpu_memory_mib"}
    said = [f"{what} {cost[name]:,.0f} MiB" for what, name in memory.items() if name in cost]
    if said:
        rows["peak memory"] = ", ".join(said)
    if document["quantized"]:
        rows["int8 model"] = _int8(document["quantized"])
    if document["tensorboard"]:
        rows["TensorBoard"] = Verbatim(f"tensorboard --logdir {short_path(document['tensorboard'])}")
    return rows


def _int8(info: dict[str, Any]) -> str:
    figures = f"val accuracy {info['accuracy']:.3f}, the float model's is {info['float_accuracy']:.3f}"
    if not info["kept"]:
        return f"left out: {figures}, and at most {info['max_drop']:g} less is accepted"
    return f"{size(info['bytes'])} instead of {size(info['float_bytes'])}; {figures}"


def parameters(params: dict[str, Any]) -> dict[str, str]:
    """Those of a training that are not left to it, under their names in `--params`."""
    return {name: _in_words(name, value) for name, value in params.items() if value is not None}


def _in_words(name: str, value: object) -> str:
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value)) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "all" if name == "fine_tune" and value == -1 else str(value)


def show_trials(console: Console, tuning: dict[str, Any]) -> None:
    """The trials of a search, the best first."""
    names = list(tuning["space"])
    ranked = sorted(tuning["trials"], key=lambda trial: (trial["val_loss"] is None, trial["val_loss"] or 0))
    rows = [
        [trial["number"], *(_value(trial["values"].get(name)) for name in names), _loss(trial["val_loss"])]
        for trial in ranked
    ]
    console.table(["trial", *(name.replace("_", " ") for name in names), "val loss"], rows)


def _value(value: float | None) -> str:
    return "as it was" if value is None else f"{value:.3g}"


def _loss(value: float | None) -> str:
    return "diverged" if value is None else f"{value:.4f}"


def show_search(console: Console, tuning: dict[str, Any]) -> None:
    """What a search would try."""
    console.print()
    console.print(f"{tuning['trials']} trials first, over:")
    console.facts({name: _domain(domain) for name, domain in tuning["space"].items()} or {"nothing": "all is fixed"})


def _domain(domain: dict[str, Any]) -> str:
    if domain["kind"] == "log_range":
        return f"{domain['low']:g} to {domain['high']:g}, logarithmic"
    return ", ".join(f"{value:g}" for value in domain["values"])
