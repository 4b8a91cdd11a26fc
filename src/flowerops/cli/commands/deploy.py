"""flowerops deploy."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flowerops.cli.console import Console
from flowerops.cli.deploy_options import AccessOptions, CanaryOptions
from flowerops.cli.layout import Verbatim
from flowerops.cli.options import DryRun, EndpointOption, ModelOption, PortOption
from flowerops.cli.session import Session, with_session

if TYPE_CHECKING:
    from flowerops.services.deploy import DeployRequest

_EXAMPLES = """Examples:

  flowerops deploy

  flowerops deploy --model flower_classifier:2 --endpoint flowers --port 8890

  flowerops deploy --traffic 10 --watch 15 --max-errors 0.5

  flowerops deploy --public

  flowerops deploy --target azureml --instance-type Standard_F4s_v2 --instances 2

  flowerops deploy --local-preview
"""


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("deploy", epilog=_EXAMPLES)(with_session("deploy")(deploy))


def deploy(
    session: Session,
    canary: CanaryOptions,
    access: AccessOptions,
    model: ModelOption = None,
    endpoint: EndpointOption = None,
    port: PortOption = None,
    quantized: Annotated[bool, typer.Option("--quantized", help="Serve the model's int8 form.")] = False,
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
        canary=canary.policy(),
        access=access.access(),
        quantized=quantized,
    )
    if local_preview and dry_run:
        raise UsageError("--local-preview and --dry-run exclude each other", "A preview deploys nothing anyway.")
    if local_preview:
        _preview(session, request, serve_python)
        return
    if dry_run:
        session.finish({"dry_run": True, **service.plan(session.target, request)}, _show_plan)
        return
    session.finish(service.deploy(session.target, request, session.caller).document(), show)


def _preview(session: Session, request: DeployRequest, serve_python: Path | None) -> None:
    from flowerops.errors import UsageError
    from flowerops.services.serve_preview import preview
    from flowerops.targets.protocol import Access

    if request.canary or request.quantized or request.access != Access():
        raise UsageError("--local-preview serves the model for its smoke test only", "Leave the other options out.")
    python = serve_python or session.settings.serve_python
    session.finish(preview(session.target, request.model, python, session.caller).document(), _show_preview)


def show(console: Console, document: dict[str, Any]) -> None:
    """Render the result for people."""
    model, canary, name = document["model"], document["canary"], document["endpoint"]
    share = f"{canary['percent']}% of the traffic" if canary and canary["outcome"] == "undecided" else ""
    verb = f"has {share}" if share else "serves"
    console.heading(f"{model['name']}:{model['version']} {verb} at {document['url']} ({document['deployment']})")
    passed = sum(check["passed"] for check in document["smoke"]["checks"])
    key = f' -H "Authorization: Bearer $(flowerops deployments key {name})"' if document["needs_key"] else ""
    facts = {"smoke test": f"passed, {passed} checks"}
    if canary and not share:
        facts["canary"] = _watched(canary)
    facts["try it"] = Verbatim(
        f"curl --data-binary @photo.jpg -H 'Content-Type: image/jpeg'{key} {document['url']}/score"
    )
    if share:
        facts |= {
            "promote it": Verbatim(f"flowerops deployments promote {name}"),
            "or not": Verbatim(f"flowerops deployments rollback {name}"),
        }
    facts["stop it"] = Verbatim(f"flowerops deployments stop {name}")
    console.facts(facts)
    if document["public"] and str(document["url"]).startswith("http:"):
        console.warning("the network can reach it, over plain HTTP: keys and photos can be read on the way without TLS")


def _watched(canary: dict[str, Any]) -> str:
    asked, served = canary["asked"], canary["served"]
    text = f"{canary['percent']}% for {canary['seconds']:.0f} s; {asked['requests']} test requests"
    text += f", {asked['errors']} failed, p95 {asked['latency_ms']['p95']:.0f} ms"
    return text + (f"; {served['requests']} client requests, {served['errors']} failed" if served else "")


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
    model, before, canary = document["model"], document["replaces"], document["canary"]
    replaced = f" in place of {before['name']}:{before['version']}" if before else ""
    first = f", with {canary['percent']}% of the traffic at first" if canary else ""
    where = document["endpoint"]
    console.heading(f"would deploy {model['name']}:{model['version']} to {where}{replaced}{first}", mark="→")
