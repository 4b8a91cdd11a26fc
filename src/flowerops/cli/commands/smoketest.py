"""flowerops smoketest."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from flowerops.cli.console import Console
from flowerops.cli.layout import counted
from flowerops.cli.options import EndpointOption
from flowerops.cli.session import Session, with_session

_EXAMPLES = """Examples:

  flowerops smoketest

  flowerops smoketest --images photos/ --load 10

  flowerops smoketest --images daisy.jpg,tulip.jpg --classes daisy,tulips --junit smoke.xml
"""
_ALL_SHOWN = 20


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("smoketest", epilog=_EXAMPLES)(with_session("smoketest")(smoketest))


def smoketest(
    session: Session,
    endpoint: EndpointOption = None,
    images: Annotated[
        str | None,
        typer.Option(
            help="Files, folders or URLs, by commas. Default: TEST_IMAGE_URLS, else the model's golden images.",
            show_default=False,
        ),
    ] = None,
    classes: Annotated[
        str | None,
        typer.Option(
            help="The class of each image. Default: the names of the folders they lie in.", show_default=False
        ),
    ] = None,
    latency_ms: Annotated[
        float | None, typer.Option(help="What 95 of 100 answers may take, in ms.", min=1, show_default=False)
    ] = None,
    load: Annotated[
        float | None,
        typer.Option(
            help="Put it under the load of 4 clients for so many seconds, when all else is well.",
            min=0.1,
            max=60,
            show_default=False,
        ),
    ] = None,
    junit: Annotated[Path | None, typer.Option(help="Write a JUnit XML file.", show_default=False)] = None,
) -> None:
    """Test a running endpoint: health, every class, parity with training, refusal of bad images and keys, latency."""
    from flowerops.errors import SmokeTestFailedError
    from flowerops.services import smoketest as service

    settings = session.settings
    given = images if images is not None else settings.test_image_urls
    labels = classes if classes is not None else (settings.test_image_classes if images is None else "")
    request = service.SmokeTestRequest(
        endpoint=endpoint or settings.endpoint,
        images=_listed(given),
        classes=_listed(labels),
        allow_private=settings.fetch_allow_private,
        latency_budget_ms=latency_ms,
        junit=junit,
        load_s=load or 0.0,
    )
    try:
        tested = service.smoketest(session.target, request)
    except SmokeTestFailedError as error:
        if not session.as_json:  # what failed, before the error says that it failed
            _show_checks(session.console, error.details.get("checks", []))
        raise
    session.finish(tested.document(), _show_all)


def show(console: Console, document: dict[str, Any]) -> None:
    """Render the result for people."""
    latency = document["latency_ms"]
    console.heading(f"smoke test of {document['endpoint']} passed: {counted(len(document['checks']), 'check')}")
    facts = {"latency": f"p50 {latency['p50']:.1f} ms, p95 {latency['p95']:.1f} ms"}
    if load := document.get("load"):
        shown = ", ".join(f"{name} {ms:.1f} ms" for name, ms in load["latency_ms"].items())
        facts["load"] = f"{load['per_second']:g} requests/s from {load['clients']} clients, {shown}"
    console.facts(facts)
    if untested := document["classes"]["untested"]:
        console.warning(f"no image of: {', '.join(untested)}")


def _show_all(console: Console, document: dict[str, Any]) -> None:
    _show_checks(console, document["checks"])
    show(console, document)


def _show_checks(console: Console, checks: list[dict[str, Any]]) -> None:
    shown = checks if len(checks) <= _ALL_SHOWN else [check for check in checks if not check["passed"]]
    for check in shown:
        console.item(f"{'✓' if check['passed'] else '✗'} {check['name']}: {check['detail']}")
    if len(shown) < len(checks):
        console.item(f"✓ {counted(len(checks) - len(shown), 'other check')} passed; --json lists all")


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]
