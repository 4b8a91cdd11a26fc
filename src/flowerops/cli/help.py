"""How help is laid out: headings in our order, plain names of values, examples that keep their lines."""

from __future__ import annotations

import re
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

_KINDS = {"str": "TEXT", "path": "PATH", "int": "N", "int range": "N", "float": "X", "float range": "X", "bool": ""}
_LAST = ("Azure ML", "Common options")
_INDENT = "[dim]  [/]"
"""Typer strips blanks from the beginning of lines, and stops at markup."""


class Command(TyperCommand):
    """A command whose help fits into 80 columns."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Arguments and options as help shows them: what all commands have comes last."""
        params: list[Any] = super().get_params(ctx)
        for one in params:
            _name_the_value(one, ctx)
        return sorted(params, key=lambda one: _LAST.index(panel) if (panel := _panel(one)) in _LAST else -1)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Print the help."""
        written, self.epilog = self.epilog, laid_out(self.epilog or "")
        try:
            super().format_help(ctx, formatter)
        finally:
            self.epilog = written


class Group(TyperGroup):
    """A group of commands that are shown in the order of their headings."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Options as help shows them."""
        params: list[Any] = super().get_params(ctx)
        for one in params:
            _name_the_value(one, ctx)
        return params


def order_by_heading(headings: list[str]) -> type[Group]:
    """A group that shows its commands under these headings, one heading after the other."""

    class Ordered(Group):
        def list_commands(self, ctx: Any) -> list[str]:
            names = super().list_commands(ctx)
            return sorted(names, key=lambda name: headings.index(_panel(self.commands[name]) or headings[-1]))

    return Ordered


def lay_out(app: typer.Typer) -> None:
    """Give every command below an application this help."""
    for command in app.registered_commands:
        command.cls = Command
    for group in app.registered_groups:
        inner = group.typer_instance
        if inner is None:
            continue
        if not (isinstance(inner.info.cls, type) and issubclass(inner.info.cls, Group)):
            inner.info.cls = Group
        lay_out(inner)


def laid_out(epilog: str) -> str:
    """Text that Typer shows as it is meant: a line an example, indented; paragraphs that wrap where the screen ends.

    Args:
        epilog: Paragraphs with an empty line between them; the lines of examples are indented by two blanks.
    """
    paragraphs: list[str] = []
    for paragraph in re.split(r"\n\s*\n", epilog.strip("\n")):
        if not paragraph.startswith("  "):
            paragraphs.append(" ".join(paragraph.split()))
            continue
        lines = "\n".join(_INDENT + line.strip() for line in paragraph.splitlines())
        last_is_example = bool(paragraphs) and paragraphs[-1].splitlines()[-1].startswith(_INDENT)
        if last_is_example or (paragraphs and paragraphs[-1].endswith(":")):
            paragraphs[-1] += "\n" + lines
        else:
            paragraphs.append(lines)
    return "\n\n".join(paragraphs)


def value_name(option: Any, ctx: Any) -> str:
    """What stands for an option's value: TEXT, PATH, N, X, the choices, a name of its own, or nothing for a switch."""
    if option.metavar is not None:
        return str(option.metavar)
    shown = str(option.display_type(ctx)).strip("<>[]")
    return _KINDS.get(shown, shown)


def _name_the_value(param: Any, ctx: Any) -> None:
    if param.param_type_name == "argument":
        param.metavar = param.metavar or str(param.name).upper()
        param.display_type_rich = _no_type
    else:
        param.metavar = value_name(param, ctx)


def _no_type(ctx: Any) -> str:
    del ctx
    return ""


def _panel(shown: Any) -> str | None:
    panel = getattr(shown, "rich_help_panel", None)
    return panel if isinstance(panel, str) else None
