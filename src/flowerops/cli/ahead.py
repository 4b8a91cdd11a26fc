"""`python -m flowerops.cli.ahead step NAME`: load what a step needs, then do as the line on stdin says.

The line is a JSON document with the arguments of `flowerops` and variables for the environment. Where stdin ends
without one, whoever wanted the step is gone, and so is the need for it.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import signal
import sys

from flowerops.errors import FlowerOpsError
from flowerops.io.loading import one_thread_for_products

_MODULES = ("flowerops.cli.app", "flowerops.cli.step.surroundings", "flowerops.steps.train")


def main() -> None:
    """Load, wait, run."""
    on_interrupt = signal.getsignal(signal.SIGINT)
    if on_interrupt is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # until there is work to be ended well
    with contextlib.suppress(FlowerOpsError, ImportError):  # the step will say it
        _load()
    line = sys.stdin.readline()
    if not line:
        return
    order = json.loads(line)
    os.environ.update(order["environment"])
    signal.signal(signal.SIGINT, on_interrupt)
    from flowerops.cli.app import main as run

    run(order["arguments"])


def _load() -> None:
    """What `step train` imports sooner or later."""
    one_thread_for_products()
    for name in _MODULES:
        importlib.import_module(name)
    from flowerops.ml.runtime import load_tensorflow
    from flowerops.tracking import load_mlflow

    load_tensorflow()
    load_mlflow()


if __name__ == "__main__":
    main()
