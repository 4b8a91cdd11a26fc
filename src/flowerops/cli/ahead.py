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
import threading

from flowerops.cli.waiting import Waiting, on_a_screen
from flowerops.errors import FlowerOpsError
from flowerops.io.loading import one_thread_for_products

_MODULES = ("flowerops.cli.app", "flowerops.cli.step.surroundings", "flowerops.steps.train")


def main() -> None:
    """Load, wait, run."""
    on_interrupt = signal.getsignal(signal.SIGINT)
    if on_interrupt is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # until there is work to be ended well
    waiting = Waiting(sys.stderr)
    line: list[str] = []
    listener = threading.Thread(target=_listen, args=(line, waiting), daemon=True)
    listener.start()
    with contextlib.suppress(FlowerOpsError, ImportError):  # the step will say it
        _load()
    listener.join()
    waiting.end()
    if not line[0]:
        return
    order = json.loads(line[0])
    os.environ.update(order["environment"])
    signal.signal(signal.SIGINT, on_interrupt)
    from flowerops.cli.app import main as run

    run(order["arguments"])


def _listen(line: list[str], waiting: Waiting) -> None:
    """Take the line; from then on this process has the screen, and what is still to be loaded is waited for."""
    line.append(sys.stdin.readline())
    if line[0] and on_a_screen(sys.stderr):
        waiting.begin()


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
