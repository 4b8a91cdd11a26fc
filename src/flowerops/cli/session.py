"""What every command shares: the common options, the settings, the target and the caller."""

from __future__ import annotations

import contextlib
import inspect
import os
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass
from functools import cached_property, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NoReturn, get_type_hints

import typer

from flowerops.cli.completion import with_completion
from flowerops.cli.console import Console
from flowerops.cli.options import Compute, Instances, NoWait
from flowerops.domain.detached import RunDetachedError
from flowerops.errors import FlowerOpsError, UsageError

if TYPE_CHECKING:
    from flowerops.services.pipeline import Caller
    from flowerops.settings import Settings
    from flowerops.targets.protocol import Target

_COMMON = "Common options"
_JOB_OPTIONS = ("no_wait", "instances", "compute")

TargetOption = Annotated[
    Literal["local", "azureml"] | None,
    typer.Option(help="Where to work. Default: local.", rich_help_panel=_COMMON, show_default=False),
]
HomeOption = Annotated[
    Path | None,
    typer.Option(
        help="Home folder of the local target. Default: .flowerops.", rich_help_panel=_COMMON, show_default=False
    ),
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Print one JSON document instead of text.", rich_help_panel=_COMMON)
]
DebugOption = Annotated[bool, typer.Option("--debug", help="Show the traceback of a failure.", rich_help_panel=_COMMON)]


@dataclass(frozen=True)
class JobOptions:
    """How a command's jobs run in a workspace."""

    no_wait: bool = False
    instances: int | None = None
    compute: str | None = None

    def check(self, target: str) -> None:
        """Refuse them on this machine.

        Raises:
            UsageError: One was given for the local target.
        """
        given = {"--no-wait": self.no_wait, "--instances": self.instances, "--compute": self.compute}
        for option, value in given.items():
            if value and target == "local":
                raise UsageError(f"{option} needs a workspace", "Add --target azureml.")


class Session:
    """One run of one command."""

    def __init__(
        self, command: str, flags: dict[str, Any], *, as_json: bool, debug: bool, jobs: JobOptions | None = None
    ) -> None:
        self.console = Console(command, as_json=as_json)
        self.as_json = as_json
        self.debug = debug
        self._flags = flags
        self._jobs = jobs or JobOptions()

    @cached_property
    def settings(self) -> Settings:
        """All settings, flags included."""
        from flowerops.settings import load_settings

        return load_settings(self._flags)

    @cached_property
    def target(self) -> Target:
        """The chosen target; who asks for it is about to work."""
        self.console.begin()
        return self.open(self.settings.target)

    def open(self, name: Literal["local", "azureml"]) -> Target:
        """A target by name, for a command that works on both."""
        from flowerops.targets import open_target

        settings = self.settings.model_copy(update={"target": name})
        self._jobs.check(name)
        return open_target(settings, self.console, wait=not self._jobs.no_wait, instances=self._jobs.instances or 1)

    @property
    def flags(self) -> dict[str, Any]:
        """Settings that were given on the command line, by field name; None for those that were not."""
        return dict(self._flags)

    @property
    def no_wait(self) -> bool:
        """Whether the command lets go of what it submits."""
        return self._jobs.no_wait

    @cached_property
    def caller(self) -> Caller:
        """The build and the code that this command runs for; whoever asks is about to write, so clean-ups stay away."""
        self.target.storage.announce()
        return self.unannounced()

    def unannounced(self) -> Caller:
        """The caller for a command that holds off the writers itself."""
        from flowerops.io.surroundings import build_info, code_info
        from flowerops.services.pipeline import Caller

        build = build_info(os.environ, self.settings.build_id, self.settings.build_uri)
        return Caller(build, code_info(Path()), self.console)

    def detached(self, run: RunDetachedError) -> None:
        """End with a run that goes on by itself."""
        document = {"run_id": run.run_id, "status": "submitted", "page": run.page}
        self.finish(document, _show_detached)

    def finish(self, document: dict[str, Any], show: Callable[[Console, dict[str, Any]], None]) -> None:
        """End with a result: the JSON document, or what `show` makes of it for people."""
        if self.as_json:
            self.console.document(document)
        else:
            show(self.console, document)

    def next(self, command: str) -> None:
        """Name the next command to people."""
        if not self.as_json:
            self.console.next(f"flowerops {command}")

    def fail(
        self, document: dict[str, Any], error: FlowerOpsError, show: Callable[[Console, dict[str, Any]], None]
    ) -> NoReturn:
        """End with a result that is a failure; in JSON its members stand where they stand when all is well.

        Raises:
            FlowerOpsError: The error, after `show`, for people.
            Exit: With the error's exit code, after the JSON document.
        """
        if not self.as_json:
            show(self.console, document)
            raise error
        said = {"code": error.code, "message": error.message, "hint": error.hint, "exit_code": error.exit_code}
        self.console.document({"ok": False, **document, "error": said})
        raise typer.Exit(error.exit_code) from error


def with_session(name: str, *, jobs: bool = False) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command function a `session` in front and the common options behind its own parameters.

    A parameter whose type is a dataclass becomes one option for each of its fields; the function gets the dataclass.

    Args:
        name: The command's, in JSON documents.
        jobs: Whether it submits jobs to a workspace, and so has options for them.
    """

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        hints = get_type_hints(function, include_extras=True)
        declared = list(inspect.signature(function).parameters.values())[1:]
        groups = {one.name: hints[one.name] for one in declared if is_dataclass(hints[one.name])}
        own = [
            with_completion(name, option)
            for one in declared
            for option in (_options_of(groups[one.name]) if one.name in groups else [_option(one, hints[one.name])])
        ]

        @wraps(function)
        def run(**given: Any) -> None:
            options = JobOptions(*(given.pop(option) for option in _JOB_OPTIONS)) if jobs else JobOptions()
            flags = {"target": given.pop("target"), "home": given.pop("home"), "compute": options.compute}
            session = Session(name, flags, as_json=given.pop("json_"), debug=given.pop("debug"), jobs=options)
            gathered = {
                group: kind(**{field.name: given.pop(field.name) for field in fields(kind)})
                for group, kind in groups.items()
            }
            try:
                function(session, **given, **gathered)
            except RunDetachedError as run:
                session.detached(run)
            finally:
                session.console.end()

        parameters = [*own, *(_job_parameters() if jobs else []), *_common_parameters()]
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        # typing.get_type_hints follows __wrapped__ to the undecorated function, which lacks the common options.
        with contextlib.suppress(AttributeError):
            del run.__wrapped__  # type: ignore[attr-defined]
        return run

    return decorate


def _option(parameter: inspect.Parameter, annotation: Any) -> inspect.Parameter:
    return parameter.replace(annotation=annotation, kind=inspect.Parameter.KEYWORD_ONLY)


def _options_of(kind: Any) -> list[inspect.Parameter]:
    hints = get_type_hints(kind, include_extras=True)
    return [_keyword(field.name, hints[field.name], field.default) for field in fields(kind)]


def _keyword(name: str, annotation: Any, default: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=default)


def _job_parameters() -> list[inspect.Parameter]:
    return [
        _keyword(*option)
        for option in zip(_JOB_OPTIONS, (NoWait, Instances, Compute), (False, None, None), strict=True)
    ]


def _common_parameters() -> list[inspect.Parameter]:
    return [
        _keyword("target", TargetOption, None),
        _keyword("home", HomeOption, None),
        _keyword("json_", JsonOption, False),
        _keyword("debug", DebugOption, False),
    ]


def _show_detached(console: Console, document: dict[str, Any]) -> None:
    run_id = document["run_id"]
    console.heading(f"submitted run {run_id}", mark="→")
    console.facts({"page": document["page"] or "-", "wait": f"flowerops runs wait {run_id}"})
