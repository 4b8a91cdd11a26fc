"""Templates: HTML escapes everything by itself, and so does Markdown."""

from __future__ import annotations

import base64
import hashlib
import html
import re
from functools import cache
from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

_MARKDOWN_SIGNS = re.compile(r"([\\`*_{}\[\]|~#!])")
_BREAKS = re.compile(r"[ \t\r\n\f\v\x85\u2028\u2029]+")
_LINK = re.compile(r"https?://[A-Za-z0-9._~:/?#@!$&'()*+,;=%-]+")


def percent(share: float, digits: int = 1) -> str:
    """0.913 → "91.3 %", with a no-break space."""
    return f"{100 * share:.{digits}f}\u00a0%"


def points(difference: float) -> str:
    """A signed difference of shares in percentage points: 0.02 → "+2.0"; the minus is a true one."""
    return f"{100 * difference:+.1f}".replace("-", "\u2212")


def number(count: float) -> str:
    """1234 → "1,234"."""
    return f"{count:,}"


def megabytes(count: float) -> str:
    """18_500_000 → "18.5 MB"; below a tenth of one in kB."""
    return f"{count / 1e6:.1f}\u00a0MB" if count >= 1e5 else f"{count / 1e3:.0f}\u00a0kB"


def is_link(text: str) -> bool:
    """Whether the whole text is a web address that may be made clickable."""
    return bool(_LINK.fullmatch(text))


def escape_markdown(value: Any) -> Any:
    """Take their meaning from all signs that Markdown or HTML would read, and put it on one line."""
    if isinstance(value, Markup):
        return value
    text = html.escape(_BREAKS.sub(" ", str(value)), quote=False)
    return _MARKDOWN_SIGNS.sub(r"\\\1", text)


def render_html(template: str, **values: Any) -> str:
    """Fill an HTML template; every value is escaped unless it is Markup."""
    return _environment(markdown=False).get_template(template).render(**values)


def render_markdown(template: str, **values: Any) -> str:
    """Fill a Markdown template; every value is escaped unless it is Markup. No two empty lines follow one another."""
    text = _environment(markdown=True).get_template(template).render(**values)
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def part(name: str) -> Markup:
    """A style sheet or script of this package, as it is."""
    return Markup(resources.files(__package__).joinpath("templates", name).read_text(encoding="utf-8"))  # noqa: S704


def script_hash(script: str) -> str:
    """What a content security policy calls the one script that may run."""
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def data_uri(jpeg: bytes) -> str:
    """A JPEG as an address that needs no network."""
    return "data:image/jpeg;base64," + base64.b64encode(jpeg).decode()


@cache
def _environment(markdown: bool) -> Environment:
    environment = Environment(
        loader=PackageLoader(__package__),
        autoescape=not markdown,  # noqa: S701 - Markdown has its own escape below
        finalize=escape_markdown if markdown else None,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(percent=percent, points=points, number=number, megabytes=megabytes)
    environment.tests["link"] = is_link
    return environment
