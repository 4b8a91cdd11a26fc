"""flowerops pipelines publish|list|trigger|schedule|unschedule."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flowerops.cli.console import Console
from flowerops.cli.options import DatasetName, DryRun, Extend, ParamsOption, Replace
from flowerops.cli.session import Session, with_session

if TYPE_CHECKING:
    from flowerops.services.pipelines import RetrainRequest

app = typer.Typer(
    name="pipelines",
    help="Retraining that runs by itself in a workspace: on a call, or at times.",
    no_args_is_help=True,
)
_CALLED = "flowers-retrain"
NameOption = Annotated[str, typer.Option("--name", help="Name of the published pipeline.")]
DataOption = Annotated[
    str | None,
    typer.Option(
        help="Folder of photos in the workspace: azureml://datastores/NAME/paths/FOLDER, or azureml:NAME:VERSION.",
        show_default=False,
    ),
]
ScheduleName = Annotated[str, typer.Option("--name", help="Name of the schedule.")]

_EXAMPLES = {
    "publish": """Examples:

  flowerops pipelines publish --target azureml

  flowerops pipelines publish --version 1.4.0 --params '{"training": {"epochs": 20}}'

Exit codes: 0 published, 2 not on this target, 6 the version was published with another content.
""",
    "list": """Example:

  flowerops pipelines list --target azureml
""",
    "trigger": """Examples:

  flowerops pipelines trigger --data-folder new/

  flowerops pipelines trigger --data azureml://datastores/workspaceblobstore/paths/photos --no-wait

Exit codes: 0 the run finished, 3 nothing is published or there are no photos, 7 a step failed.
""",
    "schedule": """Examples:

  flowerops pipelines schedule --cron "0 3 * * 1"

  flowerops pipelines schedule --cron "0 */6 * * *" --name often --data azureml://datastores/inbox/paths/photos

Exit codes: 0 scheduled, 2 no such times, 3 there are no photos.
""",
    "unschedule": """Examples:

  flowerops pipelines unschedule

  flowerops pipelines unschedule --name often --dry-run
""",
}


def add_to(root: typer.Typer) -> None:
    """Add the group."""
    for name, function in (
        ("publish", publish),
        ("list", list_),
        ("trigger", trigger),
        ("schedule", schedule),
        ("unschedule", unschedule),
    ):
        jobs = name in {"publish", "trigger", "schedule"}
        app.command(name, epilog=_EXAMPLES[name])(with_session(f"pipelines {name}", jobs=jobs)(function))
    root.add_typer(app)


def publish(
    session: Session,
    version: Annotated[
        str | None, typer.Option(help="Its version. Default: the build's, else the commit's.", show_default=False)
    ] = None,
    name: NameOption = _CALLED,
    dataset: DatasetName = None,
    params: ParamsOption = None,
    extend: Extend = False,
    replace: Replace = False,
    dry_run: DryRun = False,
) -> None:
    """Publish the retraining pipeline: one call with a folder of photos trains, evaluates and registers."""
    from flowerops.services import pipelines as service

    service.check(session.target)
    request = _request(session, dataset, params, extend=extend, replace=replace)
    if dry_run:
        plan = {"dry_run": True, **service.publish_plan(name, version, request, session.caller)}
        session.finish(plan, lambda console, found: console.heading(_would("publish", found), mark="→"))
        return
    published = service.publish(session.target, name, version, request, session.caller)
    session.finish(vars(published), _show_published)


def list_(session: Session) -> None:
    """List published pipelines and schedules."""
    from flowerops.services.pipelines import listed

    session.finish({"items": listed(session.target)}, _show_list)


def trigger(
    session: Session,
    data_folder: Annotated[
        Path | None, typer.Option(help="Folder of photos on this machine; it is uploaded.", show_default=False)
    ] = None,
    data: DataOption = None,
    name: NameOption = _CALLED,
    dry_run: DryRun = False,
) -> None:
    """Retrain now, by one call of the published pipeline."""
    from flowerops.errors import UsageError
    from flowerops.services import pipelines as service

    service.check(session.target)
    photos = data_folder or data
    if photos is None or (data_folder and data):
        raise UsageError("trigger needs either --data-folder or --data", "Name the photos to retrain on.")
    if dry_run:
        plan = {"dry_run": True, "name": name, "data": str(photos)}
        session.finish(plan, lambda console, found: console.heading(_would("call", found), mark="→"))
        return
    run_id = service.trigger(session.target, name, photos, session.caller)
    if session.no_wait:
        session.finish({"run_id": run_id, "status": "submitted"}, _show_submitted)
        return
    retrained = service.follow(session.target, run_id, session.settings.model, session.caller)
    session.finish(retrained.document(), _show_retrained)


def schedule(
    session: Session,
    cron: Annotated[str, typer.Option(help="Minute, hour, day, month, weekday, in UTC.")],
    name: ScheduleName = _CALLED,
    data: DataOption = None,
    dataset: DatasetName = None,
    params: ParamsOption = None,
    extend: Extend = False,
    replace: Replace = False,
    dry_run: DryRun = False,
) -> None:
    """Retrain at times, from a folder of the workspace. Default: the datastore's folder photos."""
    from flowerops.services import pipelines as service

    service.check(session.target)
    request = _request(session, dataset, params, extend=extend, replace=replace)
    finish_schedule(session, cron, request, name=name, data=data, dry_run=dry_run)


def finish_schedule(
    session: Session,
    cron: str,
    request: RetrainRequest,
    *,
    name: str = _CALLED,
    data: str | None = None,
    dry_run: bool = False,
) -> None:
    """Make a schedule, or show it, and end the command with it."""
    from flowerops.services import pipelines as service

    service.check(session.target)
    if dry_run:
        service.check_schedule(name, cron)
        plan = {"dry_run": True, "name": name, "cron": cron, "data": data, "retraining": service.described(request)}
        session.finish(plan, lambda console, found: console.heading(_would("schedule", found), mark="→"))
        return
    made = service.schedule(session.target, name, cron, data, request, session.caller)
    session.finish(vars(made), _show_scheduled)


def unschedule(session: Session, name: ScheduleName = _CALLED, dry_run: DryRun = False) -> None:
    """Take a schedule away; runs that it started go on."""
    from flowerops.services import pipelines as service

    found = service.unschedule(session.target, name, dry_run=dry_run)
    verb = "would remove" if dry_run else "removed"
    document = {"dry_run": dry_run, **vars(found)}
    session.finish(document, lambda console, _: console.heading(f"{verb} schedule {name} ({found.cron})"))


def _request(
    session: Session, dataset: str | None, params: str | None, *, extend: bool, replace: bool
) -> RetrainRequest:
    """What a retraining does, from the parameters and the settings."""
    from flowerops.cli.parameters import make_params, read_params
    from flowerops.domain import params as kinds
    from flowerops.domain.names import valid_name
    from flowerops.errors import UsageError
    from flowerops.services.pipelines import RetrainRequest

    if extend and replace:
        raise UsageError("--extend and --replace exclude each other", "Give one of them, or neither.")
    sections = read_params(params)
    registration = {"name": session.settings.model, **sections.get("registration", {})}
    return RetrainRequest(
        experiment=session.settings.experiment,
        dataset=valid_name(dataset or session.settings.dataset, "dataset"),
        mode="extend" if extend else "replace" if replace else None,
        preprocess=make_params(kinds.PreprocessParams, sections.get("preprocessing", {})),
        train=make_params(kinds.TrainParams, sections.get("training", {})),
        evaluate=make_params(kinds.EvaluateParams, sections.get("evaluation", {})),
        register=make_params(kinds.RegisterParams, registration),
        policy=make_params(kinds.GatePolicy, session.settings.gate),
    )


def _would(verb: str, found: dict[str, Any]) -> str:
    what = found.get("version") or found.get("cron") or found.get("data")
    return f"would {verb} {found['name']} ({what})"


def _show_published(console: Console, document: dict[str, Any]) -> None:
    console.heading(f"published {document['name']}, version {document['active']}")
    console.facts({"url": document["url"] or "-", "versions": ", ".join(document["versions"])})


def _show_scheduled(console: Console, document: dict[str, Any]) -> None:
    console.heading(f"schedule {document['name']}: {document['cron']} (UTC)")
    console.facts({"photos": document["data"]})


def _show_submitted(console: Console, document: dict[str, Any]) -> None:
    console.heading(f"submitted run {document['run_id']}", mark="→")
    console.facts({"wait": f"flowerops runs wait {document['run_id']}"})


def _show_retrained(console: Console, document: dict[str, Any]) -> None:
    model = document["model"]
    made = f"{model['name']}:{model['version']}" if model else "no model: the gate said no"
    console.heading(f"run {document['run_id']} made {made}")
    console.facts({"champion": "yes" if document["champion"] else "no"})


def _show_list(console: Console, document: dict[str, Any]) -> None:
    rows = [
        (item["kind"], item["name"], item.get("active") or item.get("cron") or "-", item.get("url") or item.get("data"))
        for item in document["items"]
    ]
    empty = "Nothing is published. Publish with: flowerops pipelines publish"
    console.table(("kind", "name", "version or times", "address or photos"), rows, empty)
