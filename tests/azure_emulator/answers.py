"""Answers and refusals in the service's form, and its way to write times."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from azure_emulator.names import REGION

Json = dict[str, Any]
PERSON = "Emulated Person"


def now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def iso(moment: dt.datetime | None = None) -> str:
    return (moment or now()).isoformat(timespec="microseconds")


def answer(body: Any = None, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON answer; without a body it is empty, as the service's 202 and 404 of a compute are."""
    kind = "error" if status >= 400 and body is not None else "standard"
    sent = {"x-ms-response-type": kind, **(headers or {})}
    if body is None:
        return Response(status_code=status, headers=sent)
    return Response(json.dumps(body), status, sent, "application/json")


def system_data(old: Json | None = None, *, modified_type: bool = True) -> Json:
    """Who made a resource when; an update keeps the time of creation."""
    moment = iso()
    data = {
        "createdAt": old["systemData"]["createdAt"] if old else moment,
        "createdBy": PERSON,
        "createdByType": "User",
        "lastModifiedAt": moment,
    }
    if modified_type:
        data |= {"lastModifiedBy": PERSON, "lastModifiedByType": "User"}
    return data


class RefusalError(Exception):
    """The service refuses a request: the status, and the specific code and text that stand in details[0]."""

    def __init__(self, status: int, code: str, message: str, outer: str | None = None, top: str = "UserError") -> None:
        super().__init__(message)
        self.status = status
        self.body = error_body(top, outer or _OUTER.get(status, message), [(code, message)])


_OUTER = {
    400: "Request is invalid and/or missing fields.",
    404: "The specified resource was not found.",
}


def error_body(code: str, message: str, details: list[tuple[str, str]]) -> Json:
    info = {
        "ComponentName": "managementfrontend",
        "Correlation": {"operation": uuid.uuid4().hex, "request": uuid.uuid4().hex[:16]},
        "Environment": REGION,
        "Location": REGION,
        "Time": iso(),
    }
    return {
        "error": {
            "code": code,
            "message": message,
            "details": [{"code": c, "message": m, "details": [], "additionalInfo": []} for c, m in details],
            "additionalInfo": [{"type": kind, "info": {"value": value}} for kind, value in info.items()],
        }
    }
