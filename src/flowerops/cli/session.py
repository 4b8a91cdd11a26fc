"""What every command shares: the common options, the settings, the target and the caller."""

from __future__ import annotations

import contextlib
import inspect
import os
from collections.abc import Callable
from functools import cached_property, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_type_hints

import typer

from flowerops.cli.console import Console

if TYPE_CHECKING:
    from flowerops.services.pipeline import Caller
    from flowerops.settings import Settings
    from flowerops.targets.protocol import Target

_COMMON = "Common options"

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


class Session:
    """One run of one command."""

    def __init__(self, command: str, flags: dict[str, Any], *, as_json: bool, debug: bool) -> None:
        self.console = Console(command, as_json=as_json)
        self.as_json = as_json
        self.debug = debug
        self._flags = flags

    @cached_property
    def settings(self) -> Settings:
        """All settings, flags included."""
        from flowerops.settings import load_settings

        return load_settings(self._flags)

    @cached_property
    def target(self) -> Target:
        """The chosen target."""
        from flowerops.targets import open_target

        return open_target(self.settings)

    def open(self, name: Literal["local", "azureml"]) -> Target:
        """A target by name, for a command that works on both."""
        from flowerops.targets import open_target

        if name == self.settings.target:
            return self.target
        return open_target(self.settings.model_copy(update={"target": name}))

    @cached_property
    def caller(self) -> Caller:
        """The build and the code that this command runs for; whoever asks is about to write, so clean-ups stay away."""
        from flowerops.io.surroundings import build_info, code_info
        from flowerops.services.pipeline import Caller

        self.target.storage.announce()
        build = build_info(os.environ, self.settings.build_id, self.settings.build_uri)
        return Caller(build, code_info(Path()), self.console)

    def finish(self, document: dict[str, Any], show: Callable[[Console, dict[str, Any]], None]) -> None:
        """End with a result: the JSON document, or what `show` makes of it for people."""
        if self.as_json:
            self.console.document(document)
        else:
            show(self.console, document)


def with_session(name: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command function a `session` in front and the common options behind its own parameters."""

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        hints = get_type_hints(function, include_extras=True)
        own = [
            parameter.replace(annotation=hints[parameter.name])
            for parameter in list(inspect.signature(function).parameters.values())[1:]
        ]

        @wraps(function)
        def run(**given: Any) -> None:
            flags = {"target": given.pop("target"), "home": given.pop("home")}
            session = Session(name, flags, as_json=given.pop("json_"), debug=given.pop("debug"))
            function(session, **given)

        parameters = [*own, *_common_parameters()]
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        # typing.get_type_hints follows __wrapped__ to the undecorated function, which lacks the common options.
        with contextlib.suppress(AttributeError):
            del run.__wrapped__  # type: ignore[attr-defined]
        return run

    return decorate


def _common_parameters() -> list[inspect.Parameter]:
    def keyword(name: str, annotation: Any, default: Any) -> inspect.Parameter:
        return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=default)

    return [
        keyword("target", TargetOption, None),
        keyword("home", HomeOption, None),
        keyword("json_", JsonOption, False),
        keyword("debug", DebugOption, False),
    ]
