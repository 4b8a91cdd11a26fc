"""flowerops init, flowerops init azure."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from flowerops.cli.console import Console
from flowerops.cli.help import Group
from flowerops.cli.options import DryRun
from flowerops.cli.session import Session, with_session

if TYPE_CHECKING:
    from flowerops.services.project import Ci
    from flowerops.settings import Settings

_PROJECT = "project"


class _FolderOrPart(Group):
    """A group in which whatever is no command is for the first one, so that `init DIR` is `init project DIR`."""

    default_command = _PROJECT

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the name of the command in front where none is given."""
        if not args or args[0] not in self.commands:
            args = [self.default_command, *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    name="init",
    cls=_FolderOrPart,
    help="Make a folder a project: settings, CI pipelines, infrastructure.\n\n"
    "flowerops init DIR is short for flowerops init project DIR.",
)
Folder = Annotated[Path, typer.Argument(metavar="DIR", help="The folder. Default: this one.", show_default=False)]
CiOption = Annotated[
    Literal["azure-devops", "github", "gitlab", "shell", "none"] | None,
    typer.Option("--ci", help="Whose pipelines to write. Default: none.", show_default=False),
]
Force = Annotated[bool, typer.Option("--force", help="Also write over files that differ.")]
_MARKS = {"created": "+", "extended": "+", "replaced": "!", "unchanged": "=", "kept": "·"}
_EXAMPLES = """Examples:

  flowerops init

  flowerops init flowers/ --ci azure-devops --target azureml --yes

  flowerops init --ci github --requirement wheels/flowerops-1.2.3-py3-none-any.whl --dry-run

Nothing that is there is overwritten without --force; the same again does nothing. For what is needed in Azure, see
flowerops init azure --help.
"""
_AZURE_EXAMPLES = """Examples:

  flowerops init azure --resource-group rg-flowers --dry-run

  flowerops init azure --stage prod --resource-group rg-flowers --location northeurope --private

  flowerops init azure --ci-issuer https://gitlab.com --ci-subject project_path:me/flowers:ref_type:branch:ref:main
"""


def add_to(root: typer.Typer) -> None:
    """Add the commands."""
    app.command(_PROJECT, epilog=_EXAMPLES)(with_session("init")(project))
    app.command("azure", epilog=_AZURE_EXAMPLES)(with_session("init azure")(azure))
    root.add_typer(app)


def project(
    session: Session,
    folder: Folder = Path(),
    ci: CiOption = None,
    requirement: Annotated[
        str | None,
        typer.Option(
            help="What the pipelines install, as pip takes it. Default: this version of flowerops.", show_default=False
        ),
    ] = None,
    dataset: Annotated[str | None, typer.Option(help="Dataset. Default: flowers.", show_default=False)] = None,
    model: Annotated[str | None, typer.Option(help="Model. Default: flower_classifier.", show_default=False)] = None,
    endpoint: Annotated[str | None, typer.Option(help="Endpoint. Default: flowers.", show_default=False)] = None,
    subscription: Annotated[str | None, typer.Option(help="Azure subscription's id.", show_default=False)] = None,
    resource_group: Annotated[str | None, typer.Option(help="Azure resource group.", show_default=False)] = None,
    workspace: Annotated[str | None, typer.Option(help="Azure ML workspace.", show_default=False)] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing.")] = False,
    force: Force = False,
    dry_run: DryRun = False,
) -> None:
    """Write flowerops.toml, .env, .gitignore and the pipelines of a CI system; asks where somebody can answer."""
    from flowerops.services import project as service
    from flowerops.services.scaffold import check_folder, write_files

    check_folder(folder)
    given = {
        "dataset": dataset,
        "model": model,
        "endpoint": endpoint,
        "subscription_id": subscription,
        "resource_group": resource_group,
        "workspace_name": workspace,
    }
    settings = _settings(session, folder, given)
    chosen: Ci = ci or "none"
    if _may_ask(session, yes, dry_run):
        chosen, given = _ask(ci, settings, given)
        settings = _settings(session, folder, given)
    request = service.ProjectRequest(chosen, settings, requirement or service.default_requirement(settings))
    files = service.project_files(request)
    written = write_files(folder, files, force=force, dry_run=dry_run)
    document = {
        "dry_run": dry_run,
        "folder": str(folder.resolve()),
        "ci": chosen,
        "target": settings.target,
        "files": [one.document() for one in written],
        "next": service.next_steps(request),
    }
    session.finish(document, _show)


def azure(
    session: Session,
    folder: Folder = Path(),
    stage: Annotated[Literal["dev", "prod"], typer.Option(help="Which parameters.")] = "dev",
    name: Annotated[str, typer.Option(help="Beginning of every name: 3 to 11 letters and digits.")] = "flowerops",
    resource_group: Annotated[
        str | None, typer.Option(help="Resource group. Default: rg-NAME-STAGE.", show_default=False)
    ] = None,
    location: Annotated[str, typer.Option(help="Azure region.")] = "westeurope",
    subscription: Annotated[str | None, typer.Option(help="Subscription's id.", show_default=False)] = None,
    member: Annotated[
        list[str] | None,
        typer.Option(help="Object id of a group that trains and deploys; may be repeated.", show_default=False),
    ] = None,
    ci_issuer: Annotated[str, typer.Option(help="Issuer of the CI system's tokens.", show_default=False)] = "",
    ci_subject: Annotated[str, typer.Option(help="Subject of the CI system's tokens.", show_default=False)] = "",
    private: Annotated[
        bool | None, typer.Option("--private/--public", help="Whether to close it to the internet.", show_default=False)
    ] = None,
    force: Force = False,
    dry_run: DryRun = False,
) -> None:
    """Write infra/ with its parameters, and print the two az commands that make the workspace and all it needs."""
    from flowerops.services.infrastructure import InfrastructureRequest, infrastructure
    from flowerops.services.scaffold import check_folder, write_files

    check_folder(folder)
    group = resource_group or f"rg-{name}-{stage}"
    members = tuple(member or ())
    request = InfrastructureRequest(stage, name, group, location, subscription, members, ci_issuer, ci_subject, private)
    made = infrastructure(request)
    written = write_files(folder, made.files, force=force, dry_run=dry_run)
    document = {
        "dry_run": dry_run,
        "folder": str(folder.resolve()),
        "files": [one.document() for one in written],
        "parameters": made.parameters,
        "commands": made.commands,
    }
    session.finish(document, _show_azure)


def _settings(session: Session, folder: Path, given: dict[str, str | None]) -> Settings:
    """The folder's settings, as they are or as the flags want them."""
    from flowerops.domain.deployment import valid_endpoint_name
    from flowerops.domain.names import valid_name
    from flowerops.settings import load_settings

    settings = load_settings({**session.flags, **given}, folder)
    valid_name(settings.dataset, "dataset")
    valid_name(settings.model, "model")
    valid_endpoint_name(settings.endpoint)
    return settings


def _may_ask(session: Session, yes: bool, dry_run: bool) -> bool:
    return not (yes or dry_run or session.as_json) and sys.stdin.isatty() and sys.stderr.isatty()


def _ask(ci: Ci | None, settings: Settings, given: dict[str, str | None]) -> tuple[Ci, dict[str, str | None]]:
    """Ask for what no flag has said; Enter takes what is proposed."""
    from flowerops.services.project import CI_SYSTEMS

    def ask(what: str, proposed: str | None) -> str | None:
        answer: str = typer.prompt(what, default=proposed or "", err=True, show_default=bool(proposed))
        return answer.strip() or None

    answers = dict(given)
    names = {"dataset": settings.dataset, "model": settings.model, "endpoint": settings.endpoint}
    if settings.target == "azureml":
        names |= {
            "subscription_id": settings.subscription_id or "",
            "resource_group": settings.resource_group or "",
            "workspace_name": settings.workspace_name or "",
        }
    for name, proposed in names.items():
        if given[name] is None:
            answers[name] = ask(name.replace("_", " "), proposed)
    chosen = ci
    while chosen not in CI_SYSTEMS:
        said = ask(f"CI system ({', '.join(CI_SYSTEMS)})", "none")
        chosen = next((one for one in CI_SYSTEMS if one == said), None)
    return chosen, answers


def _show(console: Console, document: dict[str, Any]) -> None:
    would = "would make" if document["dry_run"] else "made"
    mark = "→" if document["dry_run"] else "✓"
    console.heading(f"{would} {document['folder']} a project on the {document['target']} target", mark=mark)
    _show_files(console, document)
    console.print("next:")
    for line in document["next"]:
        console.print(f"  {line}")


def _show_azure(console: Console, document: dict[str, Any]) -> None:
    mark = "→" if document["dry_run"] else "✓"
    console.heading("would write the infrastructure" if document["dry_run"] else "wrote the infrastructure", mark=mark)
    _show_files(console, document)
    console.print(document["parameters"], lines=True)
    console.print("run, with a role that may create resources and role assignments:")
    for line in document["commands"]:
        console.print(f"  {line}")


def _show_files(console: Console, document: dict[str, Any]) -> None:
    for file in document["files"]:
        console.print(f"  {_MARKS[file['action']]} {file['path']} ({file['action']})")
    if any(file["action"] == "kept" for file in document["files"]):
        console.print("  files that were kept differ from what would have been written; --force writes over them")
