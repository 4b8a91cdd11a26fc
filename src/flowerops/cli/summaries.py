"""The Markdown summary of an evaluation: into a file, and onto the page of the CI job that runs the command.

Sources: GitHub Actions "Workflow commands", adding a job summary; Azure Pipelines "Logging commands", UploadSummary.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from flowerops.cli.console import Console
from flowerops.errors import FlowerOpsError

GITHUB_FILE = "GITHUB_STEP_SUMMARY"
AZURE_PIPELINES = "TF_BUILD"
_ESCAPES = {"%": "%AZP25", "\r": "%0D", "\n": "%0A"}

SummaryOption = Annotated[
    Path | None,
    typer.Option(
        "--summary-md",
        help="Write the summary as Markdown there. GitHub Actions and Azure Pipelines get it by themselves.",
        show_default=False,
    ),
]


def publish_summary(console: Console, summary: Path, wanted: Path | None, env: Mapping[str, str]) -> None:
    """Copy a summary to where people look.

    Azure's agent is told on stderr, which it reads like stdout: results stay alone on stdout. A CI system that does
    not take the summary is no reason to fail, so there is a warning only.

    Args:
        console: Where to speak.
        summary: The Markdown file that the evaluation left behind.
        wanted: A file that was asked for.
        env: The environment's variables.

    Raises:
        FlowerOpsError: The file that was asked for cannot be written.
    """
    from flowerops.io.atomic import atomic_write

    on_github, on_azure = env.get(GITHUB_FILE), env.get(AZURE_PIPELINES, "").casefold() == "true"
    if wanted is None and not on_github and not on_azure:
        return
    text = summary.read_text(encoding="utf-8")
    if wanted is not None:
        atomic_write(wanted, text)
    if on_github:
        _append(console, Path(on_github), text)
    if on_azure:
        path = "".join(_ESCAPES.get(sign, sign) for sign in str((wanted or summary).resolve()))
        console.agent_command(f"##vso[task.uploadsummary]{path}")


def copy_report(report: Path, wanted: Path) -> None:
    """Copy the HTML report, which is one file, to where somebody wants it.

    Raises:
        FlowerOpsError: The file cannot be written.
    """
    from flowerops.io.atomic import atomic_write

    atomic_write(wanted, report.read_bytes())


def _append(console: Console, file: Path, text: str) -> None:
    try:
        with file.open("a", encoding="utf-8") as stream:
            stream.write(text + "\n")
    except (OSError, FlowerOpsError) as error:
        console.warning(f"the job summary {file} was not written: {error}")
