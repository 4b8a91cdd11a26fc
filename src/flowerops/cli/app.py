"""The Typer app and `main`: the only place that prints errors and picks exit codes."""

from __future__ import annotations

import functools
import os
import signal
import sys
import traceback
from typing import Annotated, Any

import typer

from flowerops import __version__
from flowerops.cli import step
from flowerops.cli.commands import (
    config,
    data,
    demo,
    deploy,
    deployments,
    doctor,
    drift,
    evaluate,
    explain,
    gc,
    init,
    lineage,
    lists_only,
    models,
    package,
    pipelines,
    predict,
    preprocess,
    register,
    reproduce,
    runs,
    score,
    smoketest,
    train,
    ui,
    verify,
)
from flowerops.cli.commands import run as run_command
from flowerops.cli.help import lay_out, order_by_heading
from flowerops.errors import (
    DiskFullError,
    FlowerOpsError,
    InterruptedRunError,
    TerminatedRunError,
    UsageError,
    in_plain_words,
)

_GO_ON = "Nothing is lost: run the same command again."

_PANELS = {
    "From photos to an endpoint": (demo, run_command, preprocess, train, evaluate, register, deploy, smoketest),
    "Use a model": (predict, score, explain, drift, package),
    "Look back": (lineage, reproduce, runs, ui),
    "What there is": (data, models, deployments, pipelines),
    "Set up and maintain": (init, doctor, config, verify, gc, step),
}
"""The commands under the headings of `flowerops --help`, in its order."""

app = typer.Typer(
    name="flowerops",
    cls=order_by_heading(list(_PANELS)),
    help="From a folder of labelled photos to a smoke-tested endpoint, with lineage.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    epilog="Begin with: [bold]flowerops demo[/], or [bold]flowerops run --data-folder photos/[/]",
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"flowerops {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    del version


def _add_all() -> None:
    for panel, modules in _PANELS.items():
        commands, groups = len(app.registered_commands), len(app.registered_groups)
        for module in modules:
            module.add_to(app)
        for command in app.registered_commands[commands:]:
            command.rich_help_panel = panel
        for group in app.registered_groups[groups:]:
            group.rich_help_panel = panel
    lay_out(app)


def _leave_out_options() -> None:
    """Keep the names and words of commands alone: Typer reads the options of all, a quarter of the time to the list."""
    for command in app.registered_commands:

        def bare() -> None: ...

        command.callback = functools.update_wrapper(bare, command.callback or bare, ("__name__", "__doc__"))
        del bare.__wrapped__  # type: ignore[attr-defined]
    for group in app.registered_groups:
        if inner := group.typer_instance:
            inner.registered_commands.clear()
            inner.registered_groups.clear()


_add_all()
if lists_only():
    _leave_out_options()


def main(arguments: list[str] | None = None) -> None:
    """Run a command line and exit with its documented code."""
    given = sys.argv[1:] if arguments is None else arguments
    sys.exit(run(given))


def run(arguments: list[str]) -> int:
    """Run a command line; every failure becomes one or two lines, or one JSON document, and an exit code."""
    signal.signal(signal.SIGTERM, _end_on_sigterm)
    _open_closed_streams()
    try:
        result = app(args=arguments, prog_name="flowerops", standalone_mode=False)
    except SystemExit as stop:
        result = stop.code
    except BaseException as failure:
        return _report(failure, arguments)
    code = result if isinstance(result, int) else 0
    for ended in (InterruptedRunError, TerminatedRunError):
        if code == ended.exit_code:
            return _report(ended("the command was stopped before its end", _GO_ON), arguments)
    return code


def _open_closed_streams() -> None:
    """Put nothing in the place of streams that the caller closed: else the next file opened would get their number."""
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        if getattr(sys, name) is None:
            try:
                os.fstat(number)
            except OSError:
                os.open(os.devnull, os.O_RDWR)  # gets the lowest number that is free
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115 - to the end of the process


def _end_on_sigterm(number: int, frame: object) -> None:
    del number, frame
    raise SystemExit(TerminatedRunError.exit_code)


def _report(failure: BaseException, arguments: list[str]) -> int:
    error = _as_error(failure)
    if "--debug" in arguments:
        traceback.print_exception(failure)
    as_json = "--json" in arguments
    if type(failure).__name__ == "NoArgsIsHelpError" and not as_json:  # its help has been shown, which says it all
        return error.exit_code
    from flowerops.cli.console import Console

    Console(_command_of(arguments), as_json=as_json).error(error)
    return error.exit_code


def _as_error(failure: BaseException) -> FlowerOpsError:
    """The error to show: ours as it is, Typer's usage errors, the system's, and anything unforeseen."""
    if isinstance(failure, FlowerOpsError):
        return failure
    if isinstance(failure, KeyboardInterrupt):
        return InterruptedRunError("the command was stopped before its end", _GO_ON)
    if hasattr(failure, "format_message") and hasattr(failure, "exit_code"):  # Typer's own, whatever Click it carries
        context: Any = getattr(failure, "ctx", None)
        path = context.command_path if context is not None else "flowerops"
        near = getattr(failure, "possibilities", None)
        if near:  # of an option; for commands Typer says it by itself
            return UsageError(str(getattr(failure, "message", failure)), f"Did you mean {near[0]}? See {path} --help")
        return UsageError(in_plain_words(failure.format_message()) or "no command is given", f"See {path} --help")
    return _from_the_system(failure) or _unforeseen(failure)


def _from_the_system(failure: BaseException) -> FlowerOpsError | None:
    """A missing package, a full disk, a file that cannot be read or written; None for anything else."""
    if isinstance(failure, ModuleNotFoundError) and not (failure.name or "").startswith("flowerops"):
        package = (failure.name or "a package").partition(".")[0]
        return UsageError(f"{package} is not installed", 'pip install "flowerops[local]" adds what this command needs.')
    if isinstance(failure, OSError):
        from flowerops.io.atomic import explain_os_error

        return explain_os_error(failure, failure.filename or "a file")
    if "disk is full" in str(failure):
        return DiskFullError("no room left on the disk", "Free some space, then run the command again.")
    return None


def _unforeseen(failure: BaseException) -> FlowerOpsError:
    text = str(failure).strip().splitlines()
    return FlowerOpsError(
        f"{type(failure).__name__}: {text[0] if text else 'no message'}",
        "This is a fault in flowerops; --debug shows where.",
    )


def _command_of(arguments: list[str]) -> str:
    """The words of the command line that name a command, for the JSON document."""
    names: list[str] = []
    level: Any = app
    for word in arguments:
        commands = {command.name for command in level.registered_commands}
        groups = {group.typer_instance.info.name: group.typer_instance for group in level.registered_groups}
        if word in groups:
            names.append(word)
            level = groups[word]
        elif word in commands:
            return " ".join([*names, word])
    return " ".join(names) or "flowerops"
