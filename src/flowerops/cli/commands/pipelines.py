"""flowerops pipelines publish|list|trigger|schedule|unschedule."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from flowerops.cli.console import Console
from flowerops.cli.options import DatasetName, DryRun, Extend, ParamsOption, Replace
from flowerops.cli.scheduling import RETRAIN, Times, retrain_mode, retrain_request, set_up, would
from flowerops.cli.session import Session, with_session

app = typer.Typer(
    name="pipelines",
    help="Retraining that runs by itself in a workspace: on a call, or at times.",
    no_args_is_help=True,
)
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
    name: NameOption = RETRAIN,
    dataset: DatasetName = None,
    params: ParamsOption = None,
    extend: Extend = False,
    replace: Replace = False,
    dry_run: DryRun = False,
) -> None:
    """Publish the retraining pipeline: one call with a folder of photos trains, evaluates and registers."""
    from flowerops.cli.parameters import read_params
    from flowerops.services import pipelines as service

    service.check(session.target)
    request = retrain_request(session, read_params(params), dataset, mode=retrain_mode(extend, replace))
    if dry_run:
        plan = {"dry_run": True, **service.publish_plan(name, version, request, session.caller)}
        session.finish(plan, lambda console, found: console.heading(would("publish", found), mark="→"))
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
    name: NameOption = RETRAIN,
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
        session.finish(plan, lambda console, found: console.heading(would("call", found), mark="→"))
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
    name: ScheduleName = RETRAIN,
    data: DataOption = None,
    dataset: DatasetName = None,
    params: ParamsOption = None,
    extend: Extend = False,
    replace: Replace = False,
    dry_run: DryRun = False,
) -> None:
    """Retrain at times, from a folder of the workspace. Default: the datastore's folder photos."""
    from flowerops.cli.parameters import read_params

    request = retrain_request(session, read_params(params), dataset, mode=retrain_mode(extend, replace))
    set_up(session, Times(cron, name, data), request, dry_run=dry_run)


def unschedule(session: Session, name: ScheduleName = RETRAIN, dry_run: DryRun = False) -> None:
    """Take a schedule away; runs that it started go on."""
    from flowerops.services import pipelines as service

    found = service.unschedule(session.target, name, dry_run=dry_run)
    verb = "would remove" if dry_run else "removed"
    document = {"dry_run": dry_run, **vars(found)}
    session.finish(document, lambda console, _: console.heading(f"{verb} schedule {name} ({found.cron})"))


def _show_published(console: Console, document: dict[str, Any]) -> None:
    console.heading(f"published {document['name']}, version {document['active']}")
    console.facts({"url": document["url"] or "-", "versions": ", ".join(document["versions"])})


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
