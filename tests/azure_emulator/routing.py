"""Requests and the table that finds who answers them: paths of Azure Resource Manager know no case."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from azure_emulator.names import WORKSPACE_PATH

if TYPE_CHECKING:
    from azure_emulator.cloud import Cloud


@dataclass
class Call:
    """A request as the handlers see it."""

    method: str
    host: str
    path: str
    query: Mapping[str, str]
    query_string: str
    headers: Mapping[str, str]
    raw: bytes
    client_port: int = 0
    values: dict[str, str] = field(default_factory=dict)

    @property
    def body(self) -> Any:
        return json.loads(self.raw) if self.raw else {}

    @property
    def properties(self) -> dict[str, Any]:
        return dict(self.body.get("properties") or {})

    @property
    def api_version(self) -> str:
        return self.query.get("api-version", "2024-04-01")

    @property
    def location(self) -> str:
        return f"https://{self.host}{self.path}?api-version={self.api_version}"


Handler = Callable[["Cloud", Call], Response]


@dataclass(frozen=True)
class Route:
    """A method and a path; `{name}` is one segment, `{name...}` the rest, `{ws}` the workspace."""

    method: str
    path: str
    handler: Handler

    @property
    def pattern(self) -> re.Pattern[str]:
        text = re.escape(self.path).replace(r"\{", "{").replace(r"\}", "}").replace(r"\.\.\.", "...")
        text = text.replace("{ws}", re.escape(WORKSPACE_PATH))
        text = re.sub(r"\{(\w+)\.\.\.\}", r"(?P<\1>.+)", text)
        return re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", text) + "/?", re.IGNORECASE)


class Router:
    """Finds the handler of a call."""

    def __init__(self, routes: list[Route]) -> None:
        self._routes = [(route.method, route.pattern, route.handler) for route in routes]

    def find(self, call: Call) -> Handler | None:
        for method, pattern, handler in self._routes:
            match = pattern.fullmatch(call.path) if method == call.method else None
            if match:
                call.values = match.groupdict()
                return handler
        return None
