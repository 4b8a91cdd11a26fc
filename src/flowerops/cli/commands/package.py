"""flowerops package."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from flowerops.cli import handed_over
from flowerops.cli.console import Console
from flowerops.cli.layout import size
from flowerops.cli.options import DryRun
from flowerops.cli.session import Session, with_session

_EXAMPLES = """Examples:

  flowerops package flower_classifier image/

  flowerops package flower_classifier:2 image/ --build registry.example.org/flowers:2

  flowerops package flower_classifier image/ --base-image python:3.11-slim-bookworm@sha256:DIGEST

The folder has Dockerfile, server, model, hashed requirements, an SBOM (CycloneDX) and a README; any engine builds it.

Exit codes: 0 written, 2 no engine for --build, 3 no such model, or the folder holds something else, 5 the bundle is
damaged, 7 the engine failed.
"""


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("package", epilog=_EXAMPLES)(with_session("package")(package))


def package(
    session: Session,
    model: Annotated[
        str,
        typer.Argument(
            help="Model, as NAME for the champion, NAME:VERSION, or @FILE from register --json.",
            callback=handed_over.model,
        ),
    ],
    folder: Annotated[Path, typer.Argument(help="Where to: a new folder, or one that this command wrote.")],
    base_image: Annotated[
        str | None,
        typer.Option(
            help="Image to build on, best with its digest. Default: python:3.11-slim-bookworm.", show_default=False
        ),
    ] = None,
    build: Annotated[
        str | None,
        typer.Option(metavar="TAG", help="Build the image, too, with docker or podman.", show_default=False),
    ] = None,
    dry_run: DryRun = False,
) -> None:
    """Write a model and its server as the build context of a container image."""
    from flowerops.domain.names import parse_selector
    from flowerops.services import package as service
    from flowerops.services.package_context import BASE_IMAGE

    request = service.PackageRequest(parse_selector(model, "model"), folder, base_image or BASE_IMAGE, build)
    if dry_run:
        session.finish({"dry_run": True, **service.plan(session.target, request)}, _show_plan)
        return
    session.finish(service.package(session.target, request, session.console), _show)


def _show(console: Console, document: dict[str, Any]) -> None:
    model, folder, tag, port = document["model"], document["folder"], document["tag"], document["port"]
    console.heading(f"{model['name']}:{model['version']} is packaged in {folder}")
    facts = {
        "size": f"{document['files']} files, {size(document['bytes'])}, {len(document['packages'])} packages",
        "base image": document["base_image"] + ("" if document["pinned"] else " (not pinned by a digest)"),
    }
    if not document["image"]:
        facts["build it"] = f"docker build -t {tag} {folder}"
    console.facts(facts | {"run it": f"docker run --rm -p {port}:{port} -e FLOWEROPS_API_KEY {tag}"})


def _show_plan(console: Console, document: dict[str, Any]) -> None:
    model = document["model"]
    built = f" and build {document['image']}" if document["image"] else ""
    said = f"would package {model['name']}:{model['version']} in {document['folder']}{built}"
    console.heading(said, mark="→")
