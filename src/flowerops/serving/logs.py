"""Log lines as JSON on stderr, one object a line."""

from __future__ import annotations

import json
import logging
import sys
import traceback
from datetime import UTC, datetime

from flowerops.errors import FlowerOpsError

log = logging.getLogger("flowerops.serving")


class JsonFormatter(logging.Formatter):
    """time (UTC), level, event, then what the record brings in `fields`, and the traceback of a fault."""

    def format(self, record: logging.LogRecord) -> str:
        """One record as one line."""
        when = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line = {"time": when, "level": record.levelname.lower(), "event": record.getMessage()}
        line |= getattr(record, "fields", {})
        if record.exc_info and record.exc_info[1]:
            line["exception"] = "".join(traceback.format_exception(record.exc_info[1]))
        return json.dumps(line, ensure_ascii=False, default=str)


def log_to_stderr() -> None:
    """Send this process's log to stderr as JSON lines; uvicorn's own chatter only from warnings on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    logging.getLogger("uvicorn").setLevel(logging.WARNING)


def log_failure(error: FlowerOpsError) -> None:
    """Say why the process ends; whoever started it reads this line."""
    fields = {"code": error.code, "message": error.message, "hint": error.hint, "exit_code": error.exit_code}
    log.error("failed", extra={"fields": fields})
