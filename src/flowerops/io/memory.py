"""How much memory this process has taken at most."""

from __future__ import annotations

import contextlib
import re
import sys
from pathlib import Path


def peak_memory_bytes() -> int | None:
    """The largest resident set of this process so far, in bytes; None where the system does not say.

    Linux is asked through /proc, since getrusage counts what the parent had when it forked.
    """
    with contextlib.suppress(OSError):
        found = re.search(r"^VmHWM:\s+(\d+) kB$", Path("/proc/self/status").read_text(), re.MULTILINE)
        if found:
            return int(found[1]) * 1024
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
