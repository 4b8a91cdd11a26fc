"""The expressions of Azure Pipelines and of GitHub Actions, as far as our files use them.

Source: Azure Pipelines "Expressions"; GitHub Actions "Evaluate expressions in workflows and actions".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

_TOKEN = re.compile(
    r"\s*(?:(?P<string>'(?:[^']|'')*')|(?P<number>\d+)|(?P<operator>\|\||&&|==|!=|[()\[\],!])"
    r"|(?P<name>[A-Za-z_][\w-]*(?:\.[A-Za-z_][\w-]*)*))"
)
_WHOLE = re.compile(r"\$\{\{((?:[^}]|\}(?!\}))*)\}\}")
Names = Mapping[str, Any]


class UnknownNameError(Exception):
    """A name or a function that nothing defines."""


def evaluate(expression: str, names: Names, status: str = "succeeded") -> Any:
    """An expression's value.

    Args:
        expression: Without its `${{ }}`.
        names: Contexts by name, e.g. `variables`; a missing member is the empty string, but a missing context
            is an error.
        status: Of what ran before: `succeeded` or `failed`.
    """
    return _Parser(expression, names, status).whole()


def fill(text: str, names: Names) -> Any:
    """A text with the values of the expressions in it; the value itself where the text is nothing but one."""
    alone = _WHOLE.fullmatch(text.strip())
    if alone:
        return evaluate(alone[1], names)
    return _WHOLE.sub(lambda found: str(evaluate(found[1], names)), text)


class _Parser:
    def __init__(self, text: str, names: Names, status: str) -> None:
        self._tokens: list[tuple[str, str]] = []
        self._names = names
        self._status = status
        position = 0
        while text[position:].strip():
            match = _TOKEN.match(text, position)
            assert match and match.lastgroup, f"not an expression: {text!r} at {position}"
            self._tokens.append((match.lastgroup, match[match.lastgroup]))
            position = match.end()

    def whole(self) -> Any:
        value = self._either()
        assert not self._tokens, f"left over: {self._tokens}"
        return value

    def _next(self, *operators: str) -> str | None:
        if self._tokens and self._tokens[0][0] == "operator" and self._tokens[0][1] in operators:
            return self._tokens.pop(0)[1]
        return None

    def _either(self) -> Any:
        value = self._both()
        while self._next("||"):
            other = self._both()
            value = value or other
        return value

    def _both(self) -> Any:
        value = self._equal()
        while self._next("&&"):
            other = self._equal()
            value = value and other
        return value

    def _equal(self) -> Any:
        value = self._one()
        while operator := self._next("==", "!="):
            value = (_same(value, self._one())) == (operator == "==")
        return value

    def _one(self) -> Any:
        if self._next("!"):
            return not self._one()
        if self._next("("):
            value = self._either()
            assert self._next(")")
            return value
        kind, text = self._tokens.pop(0)
        if kind == "string":
            return text[1:-1].replace("''", "'")
        if kind == "number":
            return int(text)
        assert kind == "name", f"unexpected {text}"
        if self._next("("):
            return self._call(text)
        return self._look_up(text)

    def _call(self, name: str) -> Any:
        arguments = []
        while not self._next(")"):
            arguments.append(self._either())
            self._next(",")
        functions: dict[str, Callable[..., Any]] = {
            "eq": _same,
            "ne": lambda left, right: not _same(left, right),
            "and": lambda *all_: all(all_),
            "or": lambda *any_: any(any_),
            "not": lambda value: not value,
            "in": lambda value, *others: any(_same(value, other) for other in others),
            "replace": lambda text, old, new: str(text).replace(old, new),
            "succeeded": lambda: self._status == "succeeded",
            "success": lambda: self._status == "succeeded",
            "failed": lambda: self._status == "failed",
            "failure": lambda: self._status == "failed",
            "succeededOrFailed": lambda: True,
            "always": lambda: True,
        }
        if name not in functions:
            raise UnknownNameError(name)
        return functions[name](*arguments)

    def _look_up(self, name: str) -> Any:
        if name in {"true", "false"}:
            return name == "true"
        context, *members = name.split(".")
        if context not in self._names:
            raise UnknownNameError(name)
        value: Any = self._names[context]
        for member in members:
            value = _member(value, member)
        while self._next("["):
            value = _member(value, self._either())
            assert self._next("]")
        return value


def _member(value: Any, name: str) -> Any:
    if not isinstance(value, Mapping):
        return ""
    if name in value:
        return value[name]
    return next((found for key, found in value.items() if key.lower() == name.lower()), "")


def _same(left: Any, right: Any) -> bool:
    return str(left).lower() == str(right).lower()
