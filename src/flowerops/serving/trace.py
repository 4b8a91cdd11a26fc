"""Who asked: the request's id and its place in a distributed trace, which answers and log lines carry."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from flowerops.serving.request_id import new_id, request_id_of

_TRACEPARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")


@dataclass(frozen=True)
class Trace:
    """A caller's span and ours below it, in hexadecimal digits. flags: the caller's, of which 01 means "sampled"."""

    trace_id: str
    parent_id: str
    span_id: str
    flags: str

    @property
    def response(self) -> str:
        """The header `traceresponse`, which tells the caller our span."""
        return f"00-{self.trace_id}-{self.span_id}-{self.flags}"


@dataclass(frozen=True)
class Caller:
    """A request's id, and its trace where the client sent one."""

    request_id: str
    trace: Trace | None

    @property
    def headers(self) -> dict[str, str]:
        """What the answer says of them."""
        return {"X-Request-Id": self.request_id} | ({"traceresponse": self.trace.response} if self.trace else {})

    @property
    def fields(self) -> dict[str, str]:
        """What a log line says of them."""
        trace = self.trace
        if trace is None:
            return {"request_id": self.request_id}
        ids = {"trace_id": trace.trace_id, "span_id": trace.span_id, "parent_id": trace.parent_id}
        return {"request_id": self.request_id, **ids}


def trace_of(header: str | None) -> Trace | None:
    """Read `traceparent`; what is malformed counts as absent, as the recommendation wants it.

    Source: W3C, "Trace Context", section 3.2.
    """
    found = _TRACEPARENT.fullmatch(header.strip()) if header else None
    if found is None:
        return None
    version, trace_id, parent_id, flags, more = found.groups()
    if version == "ff" or (version == "00" and more) or not int(trace_id, 16) or not int(parent_id, 16):
        return None
    return Trace(trace_id, parent_id, new_id(64), flags)


def caller_of(headers: Mapping[str, str], made: str | None = None) -> Caller:
    """Who asks, by X-Request-Id, else by the trace's id, else by an id that somebody made already, else by a new one.

    Args:
        headers: By name, whatever its case.
        made: The id that the surrounding server gave.
    """
    trace = trace_of(headers.get("traceparent"))
    given = headers.get("x-request-id") or (trace.trace_id if trace else None) or made
    return Caller(request_id_of(given), trace)
