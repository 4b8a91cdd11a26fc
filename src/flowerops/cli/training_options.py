"""The options of every command that trains: `train` and `run`."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from flowerops.cli.options import (
    Backbone,
    DataFolder,
    DatasetName,
    DryRun,
    Epochs,
    Extend,
    FitOption,
    ImageSize,
    MaxBad,
    ParamsOption,
    Replace,
    ScheduleOption,
    Seed,
)

if TYPE_CHECKING:
    from flowerops.cli.session import Session
    from flowerops.domain.params import TrainParams
    from flowerops.services.train import TrainRequest

_TRAINING = "Training"
_COMPUTING = "How it computes"
_EXPORT = "What the bundle gets"


@dataclass(frozen=True)
class TrainingOptions:
    """What to train on, and how. Every field is an option, see `with_session`.

    Those from `backbone` on overrule the parameter of their name in `--params`, see `domain.params.TrainParams`.
    """

    data_folder: DataFolder = None
    dataset: DatasetName = None
    extend: Extend = False
    replace: Replace = False
    image_size: ImageSize = None
    fit: FitOption = None
    max_bad: MaxBad = None
    params: ParamsOption = None
    schedule: ScheduleOption = None
    dry_run: DryRun = False
    fresh: Annotated[
        bool,
        typer.Option(
            "--fresh",
            help="Forget interrupted trainings on this data, and begin anew.",
            rich_help_panel=_TRAINING,
        ),
    ] = False
    backbone: Backbone = None
    weights: Annotated[
        str | None,
        typer.Option(
            help="File with the backbone's weights, instead of the usual ones.",
            show_default=False,
            rich_help_panel=_TRAINING,
        ),
    ] = None
    epochs: Epochs = None
    batch_size: Annotated[
        int | None,
        typer.Option(
            help="Images a step. Default: at most 256, for cnn 30.",
            min=1,
            show_default=False,
            rich_help_panel=_TRAINING,
        ),
    ] = None
    learning_rate: Annotated[
        float | None,
        typer.Option(help="Of Adam. Default: 0.003, for cnn 0.001.", show_default=False, rich_help_panel=_TRAINING),
    ] = None
    weight_decay: Annotated[
        float | None,
        typer.Option(
            help="Penalty on the head's weights. Default: chosen on val.",
            min=0,
            show_default=False,
            rich_help_panel=_TRAINING,
        ),
    ] = None
    label_smoothing: Annotated[
        float | None,
        typer.Option(
            help="Share of the truth that is spread over all classes. Default: 0.",
            min=0,
            max=0.5,
            show_default=False,
            rich_help_panel=_TRAINING,
        ),
    ] = None
    fine_tune: Annotated[
        str | None,
        typer.Option(
            help="After the head, train so many of the backbone's last blocks too, or all.",
            metavar="N|all",
            show_default=False,
            rich_help_panel=_TRAINING,
        ),
    ] = None
    augment: Annotated[
        str | None,
        typer.Option(
            help="While fine-tuning, or for cnn: of flip, crop, colour, mixup, cutmix, with commas between; or none. "
            "Default: flip,crop.",
            show_default=False,
            rich_help_panel=_TRAINING,
        ),
    ] = None
    tune: Annotated[
        int | None,
        typer.Option(
            help="Search for good parameters first, in so many trials. --dry-run shows which.",
            metavar="TRIALS",
            min=2,
            show_default=False,
            rich_help_panel=_TRAINING,
        ),
    ] = None
    seed: Seed = None
    deterministic: Annotated[
        bool | None,
        typer.Option(
            "--deterministic",
            help="The same data, parameters, versions and machine give the same bundle, bit for bit.",
            show_default=False,
            rich_help_panel=_TRAINING,
        ),
    ] = None
    threads: Annotated[
        int | None,
        typer.Option(help="CPU threads. Default: all.", min=1, show_default=False, rich_help_panel=_COMPUTING),
    ] = None
    require_gpu: Annotated[
        bool | None,
        typer.Option(
            "--require-gpu", help="Fail where TensorFlow sees no GPU.", show_default=False, rich_help_panel=_COMPUTING
        ),
    ] = None
    precision: Annotated[
        Literal["auto", "float32", "float16", "bfloat16"] | None,
        typer.Option(
            help="auto, float32, float16 or bfloat16. Default: auto, 16 bits on GPUs that gain by it.",
            metavar="FORMAT",
            show_default=False,
            rich_help_panel=_COMPUTING,
        ),
    ] = None
    cache: Annotated[
        bool | None,
        typer.Option(
            "--cache/--no-cache",
            help="Remember the features of photos, and use those remembered. Default: yes.",
            show_default=False,
            rich_help_panel=_COMPUTING,
        ),
    ] = None
    quantize: Annotated[
        bool | None,
        typer.Option(
            "--quantize",
            help="Add an int8 model, if it loses little accuracy.",
            show_default=False,
            rich_help_panel=_EXPORT,
        ),
    ] = None
    saved_model: Annotated[
        bool | None,
        typer.Option(
            "--saved-model", help="Add a SavedModel, for TF Serving.", show_default=False, rich_help_panel=_EXPORT
        ),
    ] = None
    tensorboard: Annotated[
        bool | None,
        typer.Option("--tensorboard", help="Write logs for TensorBoard.", show_default=False, rich_help_panel=_EXPORT),
    ] = None

    def sections(self) -> dict[str, dict[str, Any]]:
        """The sections of `--params`."""
        from flowerops.cli.parameters import read_params

        return read_params(self.params)

    def train_params(self, sections: dict[str, dict[str, Any]]) -> TrainParams:
        """How to train.

        Raises:
            UsageError: An unknown name or a value out of range.
        """
        from flowerops.cli.parameters import make_params
        from flowerops.domain.params import TrainParams

        names = {field.name for field in fields(self)} & TrainParams.model_fields.keys()
        return make_params(
            TrainParams, sections.get("training", {}), **{name: getattr(self, name) for name in sorted(names)}
        )

    def request(self, session: Session, sections: dict[str, dict[str, Any]]) -> TrainRequest:
        """What the train service is asked.

        Raises:
            UsageError: The options do not go together.
        """
        from flowerops.cli.parameters import intake_mode, preprocess_params
        from flowerops.domain.names import parse_selector
        from flowerops.services.train import TrainRequest

        return TrainRequest(
            self.data_folder,
            parse_selector(self.dataset or session.settings.dataset, "dataset"),
            self.train_params(sections),
            preprocess_params(sections, self.image_size, self.fit, self.max_bad),
            intake_mode(self.extend, self.replace, self.data_folder),
            self.fresh,
        )

    def set_up_schedule(self, session: Session, sections: dict[str, dict[str, Any]], model: str | None = None) -> bool:
        """Where `--schedule` is given, make the schedule and end the command; gives whether it was.

        Raises:
            UsageError: The options do not go together.
        """
        from flowerops.cli import scheduling
        from flowerops.cli.parameters import preprocess_params

        if self.schedule is None:
            return False
        scheduling.refuse_photos_here(self.data_folder)
        again = scheduling.retrain_request(
            session,
            sections,
            self.dataset,
            mode=scheduling.retrain_mode(self.extend, self.replace),
            train=self.train_params(sections),
            preprocess=preprocess_params(sections, self.image_size, self.fit, self.max_bad),
            model=model,
        )
        scheduling.set_up(session, scheduling.Times(self.schedule), again, dry_run=self.dry_run)
        return True
