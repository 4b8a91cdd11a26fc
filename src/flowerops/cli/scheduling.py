"""A retraining as commands ask for it: what it does, and at which times."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flowerops.cli.console import Console

if TYPE_CHECKING:
    from flowerops.cli.session import Session
    from flowerops.domain.params import Mode, PreprocessParams, TrainParams
    from flowerops.services.pipelines import RetrainRequest

RETRAIN = "flowers-retrain"
"""Name of what is published and scheduled, unless another is given."""


@dataclass(frozen=True)
class Times:
    """When: five fields of cron, UTC. name: the schedule's. data: the folder of photos in the workspace, or None."""

    cron: str
    name: str = RETRAIN
    data: str | None = None


def retrain_mode(extend: bool, replace: bool) -> Mode | None:
    """What becomes of the latest version's photos each time.

    Raises:
        UsageError: Both were given.
    """
    from flowerops.errors import UsageError

    if extend and replace:
        raise UsageError("--extend and --replace exclude each other", "Give one of them, or neither.")
    return "extend" if extend else "replace" if replace else None


def retrain_request(
    session: Session,
    sections: dict[str, dict[str, Any]],
    dataset: str | None,
    *,
    mode: Mode | None = None,
    train: TrainParams | None = None,
    preprocess: PreprocessParams | None = None,
    model: str | None = None,
) -> RetrainRequest:
    """What a retraining does, from flags, `--params` and the settings.

    Args:
        session: The command's.
        sections: Of `--params`.
        dataset: Its name, or None for that of the settings.
        mode: What becomes of the latest version's photos.
        train: Instead of what the sections say.
        preprocess: Instead of what the sections say.
        model: The model's name, instead of what the sections and the settings say.

    Raises:
        UsageError: A parameter or a name cannot be used.
    """
    from flowerops.cli.parameters import make_params
    from flowerops.domain import params as kinds
    from flowerops.domain.names import valid_name
    from flowerops.services.pipelines import RetrainRequest

    registration = {"name": session.settings.model, **sections.get("registration", {})}
    return RetrainRequest(
        experiment=session.settings.experiment,
        dataset=valid_name(dataset or session.settings.dataset, "dataset"),
        mode=mode,
        preprocess=preprocess or make_params(kinds.PreprocessParams, sections.get("preprocessing", {})),
        train=train or make_params(kinds.TrainParams, sections.get("training", {})),
        evaluate=make_params(kinds.EvaluateParams, sections.get("evaluation", {})),
        register=make_params(kinds.RegisterParams, registration, name=model),
        policy=make_params(kinds.GatePolicy, session.settings.gate),
    )


def set_up(session: Session, times: Times, request: RetrainRequest, *, dry_run: bool) -> None:
    """Make the schedule, or show it, and end the command."""
    from flowerops.services import pipelines as service
    from flowerops.services.retraining_names import check_schedule

    service.check(session.target)
    if dry_run:
        check_schedule(times.name, times.cron)
        plan = {"dry_run": True, **vars(times), "retraining": service.described(request)}
        session.finish(plan, lambda console, found: console.heading(would("schedule", found), mark="→"))
        return
    made = service.schedule(session.target, times.name, times.cron, times.data, request, session.caller)
    session.finish(vars(made), _show_scheduled)


def refuse_photos_here(folder: Path | None) -> None:
    """A schedule reads photos where it runs.

    Raises:
        UsageError: There is a folder of this machine.
    """
    from flowerops.errors import UsageError

    if folder is not None:
        raise UsageError(
            "--schedule cannot read --data-folder later",
            "Put the photos into the datastore's folder photos, or use: flowerops pipelines schedule --data",
        )


def would(verb: str, found: dict[str, Any]) -> str:
    """The line a plan begins with."""
    what = found.get("version") or found.get("cron") or found.get("data")
    return f"would {verb} {found['name']} ({what})"


def _show_scheduled(console: Console, document: dict[str, Any]) -> None:
    console.heading(f"schedule {document['name']}: {document['cron']} (UTC)")
    console.facts({"photos": document["data"]})
