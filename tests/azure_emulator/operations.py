"""Long-running operations: a resource says Updating until its operation ends, then the change shows."""

from __future__ import annotations

import contextlib
import threading
import time
import traceback
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from starlette.responses import Response

from azure_emulator.answers import Json, RefusalError, answer, iso
from azure_emulator.names import MANAGEMENT_HOST, PROVIDER, REGION, SUBSCRIPTION, WORKSPACE_ID
from azure_emulator.routing import Call, Route

if TYPE_CHECKING:
    from azure_emulator.cloud import Cloud

YEAR_ONE = "0001-01-01T00:00:00+00:00"
SHORTEST_S = 0.15
_LOCATION = f"/subscriptions/{SUBSCRIPTION}/providers/{PROVIDER}/locations/{REGION}"


@dataclass
class Operation:
    """One operation; `kind` is the prefix of its name: oe (endpoint), od (deployment), with idp when it began newly."""

    kind: str
    identifier: str = field(default_factory=lambda: str(uuid.uuid4()))
    status: str = "Updating"
    started: str = field(default_factory=iso)
    ended: str = YEAR_ONE
    error: Json | None = None
    looked_at: bool = False

    def look(self) -> str:
        """The status for who asks; nobody's first look finds an end, however busy the machine is, as with Azure."""
        first, self.looked_at = not self.looked_at, True
        return "Updating" if first else self.status

    @property
    def name(self) -> str:
        return f"{self.kind}:{WORKSPACE_ID}:{self.identifier}" if self.kind != "compute" else self.identifier

    def address(self, what: str, api_version: str) -> str:
        place = f"compute{what}" if self.kind == "compute" else f"mfe{what}"
        extra = "&service=new" if self.kind == "compute" else ""
        return f"https://{MANAGEMENT_HOST}{_LOCATION}/{place}/{self.name}?api-version={api_version}{extra}"


class Operations:
    """The operations of an emulator."""

    def __init__(self, *, exact: bool) -> None:
        self._exact = exact
        self._by_name: dict[str, Operation] = {}

    def start(self, operation: Operation, work: Callable[[], object]) -> Operation:
        """Do the work aside and after a moment, so that clients see the state between."""

        def run() -> None:
            time.sleep(SHORTEST_S)
            try:
                work()
                status = "Succeeded"
            except RefusalError as refused:
                operation.error, status = refused.body["error"], "Failed"
            except Exception as error:
                traceback.print_exc()
                operation.error, status = {"code": "InternalError", "message": str(error)}, "Failed"
            operation.ended = iso()
            operation.status = status

        self._by_name[operation.name] = operation
        threading.Thread(target=run, name=f"operation {operation.name}", daemon=True).start()
        return operation

    def find(self, name: str) -> Operation:
        with contextlib.suppress(KeyError):
            return self._by_name[name]
        raise RefusalError(404, "OperationNotFound", f"Operation {name} not found.")

    def headers(self, operation: Operation, call: Call, location: str | None = None) -> dict[str, str]:
        """The headers of the answer that starts an operation. No recording has a Retry-After: the client's default
        of 5 s holds there; without `exact` a short one spares the tests that time."""
        headers = {"azure-asyncoperation": operation.address("OperationsStatus", call.api_version)}
        if operation.kind != "compute":
            headers["x-ms-async-operation-timeout"] = "PT30M"
            headers["location"] = location or operation.address("OperationResults", call.api_version)
        return headers | self.pace()

    def pace(self) -> dict[str, str]:
        return {} if self._exact else {"x-ms-retry-after-ms": "100"}


def operation_status(cloud: Cloud, call: Call) -> Response:
    return _show(cloud, call, "mfeOperationsStatus")


def results(cloud: Cloud, call: Call) -> Response:
    return _show(cloud, call, "mfeOperationResults")


def _show(cloud: Cloud, call: Call, place: str) -> Response:
    operation = cloud.operations.find(call.values["name"])
    status = operation.look()
    body: Json = {
        "id": f"{_LOCATION}/{place}/{operation.name}",
        "name": operation.name,
        "status": status,
        "startTime": operation.started,
        "endTime": operation.ended if status != "Updating" else YEAR_ONE,
        "percentComplete": 0.0,
    }
    if operation.error and status != "Updating":
        body["error"] = operation.error
    return answer(body, headers=cloud.operations.pace())


def compute_status(cloud: Cloud, call: Call) -> Response:
    operation = cloud.operations.find(call.values["name"])
    if operation.look() == "Updating":
        return answer({"status": "InProgress"}, headers=cloud.operations.pace())
    if operation.error:
        return answer({"status": "Failed", "error": operation.error})
    return answer({"status": "Succeeded", "percentComplete": 100.0})


ROUTES = [
    Route("GET", _LOCATION + "/mfeOperationsStatus/{name}", operation_status),
    Route("GET", _LOCATION + "/mfeOperationResults/{name}", results),
    Route("GET", _LOCATION + "/computeOperationsStatus/{name}", compute_status),
]
