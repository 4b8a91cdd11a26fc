"""flowerops deploy."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from flowerops.cli.console import Console
from flowerops.cli.options import DryRun, EndpointOption, ModelOption, PortOption
from flowerops.cli.session import Session, with_session

_EXAMPLES = """Examples:

  flowerops deploy

  flowerops deploy --model flower_classifier:2 --endpoint flowers --port 8890

  flowerops deploy --target azureml --instance-type Standard_F4s_v2 --instances 2

  flowerops deploy --local-preview
"""


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("deploy", epilog=_EXAMPLES)(with_session("deploy")(deploy))


def deploy(
    session: Session,
    model: ModelOption = None,
    endpoint: EndpointOption = None,
    port: PortOption = None,
    instance_type: Annotated[
        str | None,
        typer.Option(help="Azure ML: size of the machines. Default: Standard_DS3_v2.", show_default=False),
    ] = None,
    instances: Annotated[
        int | None, typer.Option(help="Azure ML: how many machines. Default: 1.", min=1, show_default=False)
    ] = None,
    local_preview: Annotated[
        bool,
        typer.Option(
            "--local-preview", help="Only try it: smoke-test the model in Azure ML's own server on this machine."
        ),
    ] = False,
    serve_python: Annotated[
        Path | None,
        typer.Option(
            help="Python of that server's environment. Default: .venv-serve/bin/python (make serve-env).",
            show_default=False,
        ),
    ] = None,
    dry_run: DryRun = False,
) -> None:
    """Start a model beside the one that serves, smoke-test it, then move the traffic to it."""
    from flowerops.domain.deployment import valid_endpoint_name
    from flowerops.domain.names import parse_selector
    from flowerops.errors import UsageError
    from flowerops.services import deploy as service
    from flowerops.targets.protocol import Machines

    settings = session.settings
    request = service.DeployRequest(
        model=parse_selector(model or settings.model, "model"),
        endpoint=valid_endpoint_name(endpoint or settings.endpoint),
        port=port or settings.port,
        machines=Machines(instance_type, instances),
    )
    if local_preview and dry_run:
        raise UsageError("--local-preview and --dry-run exclude each other", "A preview deploys nothing anyway.")
    if local_preview:
        from flowerops.services.serve_preview import preview

        previewed = preview(session.target, request.model, serve_python or settings.serve_python, session.caller)
        session.finish(previewed.document(), _show_preview)
        return
    if dry_run:
        session.finish({"dry_run": True, **service.plan(session.target, request)}, _show_plan)
        return
    session.finish(service.deploy(session.target, request, session.caller).document(), show)


def show(console: Console, document: dict[str, Any]) -> None:
    """Render the result for people."""
    model = document["model"]
    console.heading(f"{model['name']}:{model['version']} serves at {document['url']} ({document['deployment']})")
    passed = sum(check["passed"] for check in document["smoke"]["checks"])
    console.facts(
        {
            "smoke test": f"passed, {passed} checks",
            "try it": f"curl --data-binary @photo.jpg -H 'Content-Type: image/jpeg' {document['url']}/score",
            "stop it": f"flowerops deployments stop {document['endpoint']}",
        }
    )


def _show_preview(console: Console, document: dict[str, Any]) -> None:
    model = document["model"]
    console.heading(f"{model['name']}:{model['version']} works in the server of Azure ML; nothing was deployed")
    latency = document["smoke"]["latency_ms"]
    console.facts(
        {
            "smoke test": f"passed, {len(document['smoke']['checks'])} checks",
            "latency": f"p50 {latency['p50']:.1f} ms, p95 {latency['p95']:.1f} ms",
        }
    )


def _show_plan(console: Console, document: dict[str, Any]) -> None:
    model, before = document["model"], document["replaces"]
    replaced = f" in place of {before['name']}:{before['version']}" if before else ""
    where = document["endpoint"]
    console.heading(f"would deploy {model['name']}:{model['version']} to {where}{replaced}", mark="→")
