"""Puts values into a component's command."""

from __future__ import annotations

import re
from collections.abc import Mapping

_NAME = re.compile(r"\$\{\{([\w.-]+)\}\}")
_OPTIONAL = re.compile(r"\$\[\[(.*?)\]\]", re.DOTALL)


def render(command: str, values: Mapping[str, str]) -> str:
    """`${{inputs.x}}` becomes its value; `$[[--x ${{inputs.x}}]]` goes away where x was not given."""

    def optional(match: re.Match[str]) -> str:
        return match[1] if all(name in values for name in _NAME.findall(match[1])) else ""

    return _NAME.sub(lambda match: values[match[1]], _OPTIONAL.sub(optional, command))
