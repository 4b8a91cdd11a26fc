"""What the shell completes beside commands and options: names of the local home. Nothing heavy is loaded."""

from __future__ import annotations

import inspect
import os
import re
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import typer

_HOME = re.compile(r"^\s*(?:export\s+)?FLOWEROPS_HOME\s*=\s*['\"]?([^'\"\n#]+)", re.MULTILINE | re.IGNORECASE)
Names = Sequence[str | tuple[str, str]]


def with_completion(command: str, parameter: inspect.Parameter) -> inspect.Parameter:
    """Let the shell complete a parameter that names a dataset, a model, a run, an experiment or an endpoint.

    Args:
        command: The command's words.
        parameter: Its annotation is `Annotated` with Typer's description, to which the completion is added.
    """
    complete = _FUNCTIONS.get(_kind(command, parameter.name) or "")
    for description in getattr(parameter.annotation, "__metadata__", ()):
        if complete is not None and getattr(description, "autocompletion", False) is None:
            description.autocompletion = complete
    return parameter


def _kind(command: str, parameter: str) -> str | None:
    if parameter == "name" and command != "data fetch":
        return {"data": "dataset", "models": "model"}.get(command.partition(" ")[0])
    return {"before": "dataset", "after": "dataset"}.get(parameter, parameter)


def _datasets(home: Path) -> Names:
    from flowerops.targets.local.known import dataset_names

    return dataset_names(home)


def _models(home: Path) -> Names:
    from flowerops.targets.local.known import model_names

    return model_names(home)


def _runs(home: Path) -> Names:
    from flowerops.targets.local.known import run_ids

    return [("latest", "the newest run"), *run_ids(home)]


def _experiments(home: Path) -> Names:
    from flowerops.targets.local.known import experiment_names

    return experiment_names(home)


def _endpoints(home: Path) -> Names:
    from flowerops.targets.local.known import served_names

    return served_names(home)


def _completing(names: Callable[[Path], Names]) -> Callable[[typer.Context, str], Names]:
    def complete(ctx: typer.Context, incomplete: str) -> Names:
        if _target(ctx) == "azureml":  # asking a workspace takes longer than anybody waits for a completion
            return []
        return [name for name in names(_home(ctx)) if _text(name).startswith(incomplete)]

    # Typer reads the annotations, which are texts here.
    complete.__annotations__ = {"ctx": typer.Context, "incomplete": str}
    return complete


_FUNCTIONS = {
    "dataset": _completing(_datasets),
    "model": _completing(_models),
    "run": _completing(_runs),
    "experiment": _completing(_experiments),
    "endpoint": _completing(_endpoints),
}


def _text(name: str | tuple[str, str]) -> str:
    return name if isinstance(name, str) else name[0]


def _target(ctx: typer.Context) -> str | None:
    return ctx.params.get("target") or os.environ.get("FLOWEROPS_TARGET")


def _home(ctx: typer.Context) -> Path:
    """The home as `settings` finds it; the library for settings takes longer to load than a completion may."""
    given: Any = ctx.params.get("home") or os.environ.get("FLOWEROPS_HOME") or _from_files()
    return Path(given or ".flowerops")


def _from_files() -> str | None:
    for read in (_from_dotenv, _from_config):
        try:
            if found := read():
                return found
        except (OSError, ValueError):
            continue
    return None


def _from_dotenv() -> str | None:
    found = _HOME.search(Path(".env").read_text(encoding="utf-8"))
    return found[1].strip() if found else None


def _from_config() -> str | None:
    home = tomllib.loads(Path("flowerops.toml").read_text(encoding="utf-8")).get("home")
    return home if isinstance(home, str) else None
