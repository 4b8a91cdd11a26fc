"""Faults that a test switches on: answers that fail, connections that break, jobs that die."""

from __future__ import annotations

import json
import re
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass
class Fault:
    """What happens to requests whose method and path (with the query) match.

    The first `skip` of them pass, the next `times` suffer: they are answered with `status`, or their connection
    breaks (`drop`), and they wait `delay` seconds before that (with neither, they are only late).
    `where` is "service" or "blobs": the latter are the requests to *.blob.core.windows.net.
    """

    method: str = ".*"
    path: str = ".*"
    times: int = 1
    skip: int = 0
    status: int | None = None
    code: str | None = None
    message: str | None = None
    retry_after: int | None = None
    drop: bool = False
    delay: float = 0.0
    where: Literal["service", "blobs"] = "service"

    def hits(self, where: str, method: str, target: str) -> bool:
        if self.times <= 0 or self.where != where or not re.fullmatch(self.method, method, re.IGNORECASE):
            return False
        if not re.search(self.path, target, re.IGNORECASE):
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        self.times -= 1
        return True


@dataclass
class JobFault:
    """What happens to the next `times` steps whose name matches `step`.

    "fail": the node is lost, the step never runs. "quota": no node can be had. "preempt": the step's processes are
    killed `after` seconds after their start (or once their log matches `when`) and start again on a new node.
    """

    step: str = ".*"
    kind: Literal["fail", "quota", "preempt"] = "fail"
    times: int = 1
    after: float = 0.5
    when: str | None = None


QUOTA_TEXT = (
    "The specified subscription has a Standard NCASv3_T4 Family vCPU quota of 0 and cannot accomodate for at least 1 "
    "requested managed compute node which maps to 4 vCPUs. Talk to your Subscription Admin or refer to "
    "https://docs.microsoft.com/azure/machine-learning/how-to-manage-quotas#request-quota-increases to increase the "
    "family quota."
)


def quota_exceeded(times: int = 1) -> list[Fault | JobFault]:
    """No quota: a compute cannot be made, and a job gets no node."""
    return [
        Fault("PUT", "/computes/", times, status=400, code="ClusterMinNodesExceedCoreQuota", message=QUOTA_TEXT),
        JobFault(kind="quota", times=times),
    ]


class Faults:
    """The faults that are switched on; others may be put into a JSON file, a list of the fields above."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._lock = threading.Lock()
        self._stamp = 0
        self._faults: list[Fault | JobFault] = []

    def add(self, *faults: Fault | JobFault) -> None:
        with self._lock:
            self._faults += faults

    def clear(self) -> None:
        with self._lock:
            self._faults.clear()

    def of_request(self, where: str, method: str, target: str) -> Fault | None:
        self._read_file()
        with self._lock:
            return next((f for f in self._faults if isinstance(f, Fault) and f.hits(where, method, target)), None)

    def of_step(self, step: str) -> JobFault | None:
        self._read_file()
        with self._lock:
            for fault in self._faults:
                if isinstance(fault, JobFault) and fault.times > 0 and re.fullmatch(fault.step, step):
                    fault.times -= 1
                    return fault
        return None

    def concern_blobs(self) -> bool:
        self._read_file()
        with self._lock:
            return any(isinstance(f, Fault) and f.where == "blobs" and f.times > 0 for f in self._faults)

    def _read_file(self) -> None:
        """A file that changed replaces nothing: its faults are added."""
        stamp = self.file.stat().st_mtime_ns if self.file.exists() else 0
        with self._lock:
            if stamp in (0, self._stamp):
                return
            self._stamp = stamp
            for item in json.loads(self.file.read_text()):
                self._faults.append(JobFault(**item) if "kind" in item or "step" in item else Fault(**item))
