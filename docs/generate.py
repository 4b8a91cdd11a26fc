"""Write the pages of docs/ that follow from the program: commands, settings, exit codes, decisions.

`make reference` runs it; a test compares the pages with what it would write now.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from flowerops import errors
from flowerops.cli.app import app
from flowerops.cli.help import value_name
from flowerops.services.configuration import variables_of
from flowerops.settings import PREFIX, Settings

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
_WRITTEN = "<!-- Written by docs/generate.py; run `make reference` instead of changing it here. -->"
_CONTEXT = typer.Context(typer.main.get_command(app))  # type: ignore[arg-type]
_MARKUP = re.compile(r"\[/?(?:bold|dim|italic|red|green|yellow|cyan)?(?: [a-z]+)*\]")


def pages() -> dict[str, str]:
    """The text of each page, by its path below docs/."""
    return {
        "reference/commands.md": commands_page(),
        "reference/settings.md": settings_page(),
        "reference/exit-codes.md": exit_codes_page(),
        "adr/index.md": decisions_page(),
    }


# --- commands ---------------------------------------------------------------------------------------------------------


def commands_page() -> str:
    """Every visible command with its arguments, options and examples."""
    found = list(_leaves(typer.main.get_command(app), ["flowerops"]))
    lines = [
        "# Commands",
        "",
        _WRITTEN,
        "",
        "Each command takes the [common options](#common-options), too, and `--help`.",
        "",
        *(f"- [`{' '.join(path)}`](#{_anchor(path)}): {_first_sentence(command)}" for path, command in found),
        "",
        "## Common options",
        "",
        *_options([option for option in _params(found[0][1]) if _panel(option) == "Common options"]),
    ]
    for path, command in found:
        lines += ["", f"## {' '.join(path)} {{ #{_anchor(path)} }}", "", *_command(path, command)]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)) + "\n"


def _leaves(command: Any, path: list[str]) -> Iterator[tuple[list[str], Any]]:
    if hasattr(command, "commands"):
        for name, inner in command.commands.items():
            if not inner.hidden:
                yield from _leaves(inner, [*path, name])
    else:
        yield path, command


def _anchor(path: list[str]) -> str:
    return "-".join(path)


def _first_sentence(command: Any) -> str:
    return str(command.help or "").partition("\n")[0].strip()


def _command(path: list[str], command: Any) -> Iterator[str]:
    yield _text(command.help or "")
    arguments = [one for one in _params(command) if one.param_type_name == "argument"]
    usage = " ".join(_metavar(one) for one in arguments)
    yield from ("", "```text", f"{' '.join(path)} {usage} [OPTIONS]".replace("  ", " "), "```")
    if arguments:
        yield from ("", "| argument | |", "|---|---|")
        yield from (f"| `{_metavar(one)}` | {_cell(one.help or '')} |" for one in arguments)
    own = [one for one in _params(command) if one.param_type_name == "option" and _panel(one) != "Common options"]
    if own:
        yield from ("", *_options(own))
    if command.epilog:
        yield from ("", *_epilog(command.epilog))


def _params(command: Any) -> list[Any]:
    return [one for one in command.params if not getattr(one, "hidden", False) and one.name != "help"]


def _panel(option: Any) -> str | None:
    panel = getattr(option, "rich_help_panel", None)
    return str(panel) if panel else None


def _metavar(argument: Any) -> str:
    name = (argument.name or "").upper() + ("..." if argument.nargs == -1 else "")
    return name if argument.required else f"[{name}]"


def _options(options: list[Any]) -> list[str]:
    rows = [f"| {_names(one)} | {_cell(one.help or '')}{_default(one)} |" for one in options]
    return ["| option | |", "|---|---|", *rows]


def _names(option: Any) -> str:
    value = "" if option.is_flag else f" {_value(option)}"
    return ", ".join(f"`{name}{value}`" for name in [*option.opts, *option.secondary_opts])


def _value(option: Any) -> str:
    return value_name(option, _CONTEXT).replace("|", "\\|")


def _default(option: Any) -> str:
    if (
        option.is_flag
        or option.default in (None, "", ())
        or "Default" in (option.help or "")
        or callable(option.default)
    ):
        return ""
    return f" Default: {option.default}."


def _epilog(epilog: str) -> Iterator[str]:
    """Lines that are indented and begin a command become a block; the rest is paragraphs."""
    for paragraph in re.split(r"\n\s*\n(?!  flowerops )", epilog.strip("\n")):
        lines = [line for line in paragraph.splitlines() if line.strip()]
        examples = [line.strip() for line in lines if line.startswith("  flowerops ")]
        yield " ".join(_text(line) for line in lines if line.strip() not in examples)
        if examples:
            yield from ("", "```", *examples, "```")
        yield ""


def _text(text: str) -> str:
    return _MARKUP.sub("", text).replace("<", "&lt;").strip()


def _cell(text: str) -> str:
    return _text(" ".join(text.split())).replace("|", "\\|")


# --- settings ---------------------------------------------------------------------------------------------------------


def settings_page() -> str:
    """Every setting with its variables, its default and what .env.example says of it."""
    told = _said_in_the_example_file()
    lines = [
        "# Settings",
        "",
        _WRITTEN,
        "",
        "A flag wins over a variable of the environment, that over a line in `.env`, that over a key in",
        "`flowerops.toml`, that over the default. Names in `flowerops.toml` are those of the first column. An unknown",
        "name is an error that suggests the nearest one. `flowerops config show --origin` says what holds, and why.",
        "",
        "| setting | variables | default | meaning |",
        "|---|---|---|---|",
    ]
    for name, field in Settings.model_fields.items():
        default = field.get_default(call_default_factory=True)
        shown = (
            "" if default in (None, "", {}) else f"`{str(default).lower() if isinstance(default, bool) else default}`"
        )
        variables = "<br>".join(f"`{variable}`" for variable in variables_of(name))
        lines.append(f"| `{name}` | {variables} | {shown} | {_cell(told.get(name, ''))} |")
    return "\n".join(lines) + "\n"


def _said_in_the_example_file() -> dict[str, str]:
    """The comment above each setting, or above the lines it stands among; names in brackets are left out."""
    told: dict[str, str] = {}
    comment: list[str] = []
    fresh = True
    for line in (ROOT / ".env.example").read_text(encoding="utf-8").splitlines():
        if line.startswith(f"#{PREFIX}"):
            told[line[1:].partition("=")[0].removeprefix(PREFIX).lower()] = " ".join(comment)
            fresh = True
        elif line.startswith("# (") or not line.startswith("# "):
            comment = comment if line.startswith("#") else []
        else:
            comment = [line[2:]] if fresh else [*comment, line[2:]]
            fresh = False
    return told


# --- exit codes -------------------------------------------------------------------------------------------------------


def exit_codes_page() -> str:
    """Every error with its exit code and its code in JSON."""
    kinds = sorted(_kinds(errors.FlowerOpsError), key=lambda kind: (kind.exit_code, kind.code))
    rows = [f"| {kind.exit_code} | `{kind.code}` | {_meaning(kind)} |" for kind in kinds]
    return "\n".join(
        [
            "# Exit codes",
            "",
            _WRITTEN,
            "",
            "The same failure has the same code in every command. With `--json` the document on stdout has it, too, as",
            "`error.exit_code`, with `error.code`, `error.message` and `error.hint`.",
            "",
            "| exit code | `error.code` | meaning |",
            "|---|---|---|",
            "| 0 | | done |",
            *rows,
            "",
            "`flowerops doctor` ends with 2 when something hinders, `flowerops runs wait` with 7 when the run failed.",
            "",
        ]
    )


def _kinds(root: type[errors.FlowerOpsError]) -> list[type[errors.FlowerOpsError]]:
    return [
        root,
        *(found for child in root.__subclasses__() for found in _kinds(child) if found.__module__ == root.__module__),
    ]


def _meaning(kind: type[errors.FlowerOpsError]) -> str:
    if kind is errors.FlowerOpsError:
        return "A fault in flowerops, or something that nobody foresaw."
    return str(kind.__doc__).strip().partition("\n")[0]


# --- decisions --------------------------------------------------------------------------------------------------------


def decisions_page() -> str:
    """The list of the pages in docs/adr."""
    found = sorted(DOCS.glob("adr/[0-9]*.md"))
    rows = [f"- [{path.read_text(encoding='utf-8').partition(chr(10))[0].lstrip('# ')}]({path.name})" for path in found]
    head = [
        "# Decisions",
        "",
        _WRITTEN,
        "",
        "Choices that are hard to undo, each with what it was weighed against.",
        "",
    ]
    return "\n".join([*head, *rows]) + "\n"


if __name__ == "__main__":
    for name, text in pages().items():
        (DOCS / name).parent.mkdir(parents=True, exist_ok=True)
        (DOCS / name).write_text(text, encoding="utf-8")
