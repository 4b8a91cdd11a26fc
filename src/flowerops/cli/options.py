"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from flowerops.cli import handed_over

_TRAINING = "Training"
DataFolder = Annotated[
    Path | None,
    typer.Option(
        help="Folder of new photos, one sub-folder a class. It becomes a dataset version.", show_default=False
    ),
]
DatasetName = Annotated[
    str | None,
    typer.Option(
        "--dataset",
        help="Dataset, as NAME or NAME:VERSION, or @FILE from preprocess --json. Default: flowers.",
        callback=handed_over.dataset,
        show_default=False,
    ),
]
Extend = Annotated[bool, typer.Option("--extend", help="New version: the latest one and the new photos.")]
Replace = Annotated[bool, typer.Option("--replace", help="New version: exactly the new photos, even if classes go.")]
Explain = Annotated[bool, typer.Option("--explain", help="Say why the step ran, or why it did not.")]
GroupBy = Annotated[
    str | None,
    typer.Option(
        help="Regular expression over paths: photos for which it finds the same text stay in one split.",
        show_default=False,
    ),
]
ParamsOption = Annotated[
    str | None,
    typer.Option(
        "--params",
        help="Run-time parameters: a JSON file or JSON text, one section a step. Flags win over it.",
        show_default=False,
    ),
]
ImageSize = Annotated[
    int | None, typer.Option(help="Side of the square in pixels. Default: 224.", min=16, max=1024, show_default=False)
]
FitOption = Annotated[
    Literal["pad", "crop", "stretch"] | None,
    typer.Option(help="How photos fill the square. Default: pad, on white.", show_default=False),
]
MaxBad = Annotated[
    str | None, typer.Option(help="Share of files that may be unusable. Default: 1%.", show_default=False)
]
Workers = Annotated[int | None, typer.Option(help="Threads. Default: one a core.", min=1, show_default=False)]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would be done, and do nothing.")]
Backbone = Annotated[
    str | None,
    typer.Option(
        help="efficientnet_lite0, cnn, or any name of keras.applications. Default: efficientnet_lite0.",
        rich_help_panel=_TRAINING,
        show_default=False,
    ),
]
Epochs = Annotated[
    int | None,
    typer.Option(
        help="Most epochs to train. Default: 50, for cnn 10.", min=1, rich_help_panel=_TRAINING, show_default=False
    ),
]
Seed = Annotated[
    int | None,
    typer.Option(help="Seed of everything random. Default: 42.", min=0, rich_help_panel=_TRAINING, show_default=False),
]
RunId = Annotated[
    str | None,
    typer.Option(
        "--run",
        help="Id of a pipeline run, or @FILE from train --json. Default: the latest.",
        callback=handed_over.run_id,
        show_default=False,
    ),
]
ModelOption = Annotated[
    str | None,
    typer.Option(
        "--model",
        help="Model, as NAME or NAME:VERSION, or @FILE from register --json. Default: the champion.",
        callback=handed_over.model,
        show_default=False,
    ),
]
EndpointOption = Annotated[
    str | None, typer.Option("--endpoint", help="Endpoint. Default: flowers.", show_default=False)
]
PortOption = Annotated[
    int | None,
    typer.Option(
        "--port",
        help="Port of the endpoint. Default: the one that it has, else 8890 or the next free one.",
        min=1,
        max=65535,
        show_default=False,
    ),
]
Reason = Annotated[str | None, typer.Option("--reason", help="Why; recorded with the model.", show_default=False)]
_AZUREML = "Azure ML"
NoWait = Annotated[
    bool,
    typer.Option("--no-wait", help="Submit and give the run's id back at once.", rich_help_panel=_AZUREML),
]
Instances = Annotated[
    int | None,
    typer.Option("--instances", help="Machines. Default: 1.", min=1, rich_help_panel=_AZUREML, show_default=False),
]
ScheduleOption = Annotated[
    str | None,
    typer.Option(
        "--schedule",
        help="Retrain at these times instead of now: minute, hour, day, month, weekday, UTC. Deploys nothing.",
        rich_help_panel=_AZUREML,
        show_default=False,
    ),
]
Compute = Annotated[
    str | None,
    typer.Option(
        "--compute",
        help="Name of a compute cluster, or serverless. Default: the setting compute.",
        rich_help_panel=_AZUREML,
        show_default=False,
    ),
]
Strict = Annotated[
    bool, typer.Option("--strict", help="Exit with 4 unless the candidate takes over, also where the gate cannot tell.")
]
AssertAccuracy = Annotated[
    str | None,
    typer.Option(
        "--assert-accuracy-at-least",
        help="Exit with 4 below this share, such as 0.9 or 90%. It raises the gate's floor for this command.",
        metavar="SHARE",
        show_default=False,
    ),
]
