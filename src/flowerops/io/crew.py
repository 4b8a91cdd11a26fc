"""Spread work on many small things over all cores: this process and, where there is enough to do, helpers.

Python lets one thread at a time run its own code, and a photo needs a good deal of it between the calls into C.
"""

from __future__ import annotations

import gc
import queue
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Generic

from flowerops.io.helper import Helper, Item, Job, Result, Work
from flowerops.io.parallel import bounded_map, usable_cores

_BATCH = 16
_ENOUGH = 500
"""With fewer things a helper would have loaded when the work is done."""
_ASKED = 2


def uses_helpers(items: int, workers: int | None = None, light: int = 0) -> bool:
    """Whether `spread` would start helper processes; then each process calls its work from one thread only."""
    return (workers or usable_cores()) > 1 and items - light >= _ENOUGH


def spread(
    job: Job[Item, Result], items: Sequence[Item], workers: int | None = None, light: int = 0
) -> Iterator[Result]:
    """Results in the order of the items.

    Args:
        job: What to do. Results should be small: they are kept until it is their turn.
        items: Things that can be pickled.
        workers: Number of processes, this one included; None for one a usable core.
        light: How many of the items are next to no work.

    Raises:
        RemoteError: A helper died.
        Exception: The first one that the work raised.
    """
    count = workers or usable_cores()
    work = job.begin()
    try:
        if uses_helpers(len(items), count, light):
            yield from _Crew(job, work, items, count - 1).results()
        else:
            yield from bounded_map(lambda item: work([item])[0], items, count)
    finally:
        work.close()


class _Crew(Generic[Item, Result]):
    """One thread that works here and one for each helper; all take the next batch when they are done with theirs."""

    def __init__(self, job: Job[Item, Result], work: Work[Item, Result], items: Sequence[Item], helpers: int) -> None:
        source = iter(items)
        self._batches = enumerate(iter(lambda: list(islice(source, _BATCH)), []))
        self._taking = threading.Lock()
        self._done: queue.SimpleQueue[tuple[int, Sequence[Result] | BaseException]] = queue.SimpleQueue()
        self._stopped = threading.Event()
        self._count = -(-len(items) // _BATCH)
        self._helpers = [Helper(job) for _ in range(helpers)]
        self._threads = [
            threading.Thread(target=self._work_here, args=(work,), daemon=True),
            *(threading.Thread(target=self._have_done, args=(helper,), daemon=True) for helper in self._helpers),
        ]

    def results(self) -> Iterator[Result]:
        collecting = gc.isenabled()
        gc.disable()  # many small objects come and none in circles: looking for these takes a tenth of the time
        for thread in self._threads:
            thread.start()
        try:
            early: dict[int, Sequence[Result]] = {}
            for turn in range(self._count):
                while turn not in early:
                    number, results = self._done.get()
                    if isinstance(results, BaseException):
                        raise results
                    early[number] = results
                yield from early.pop(turn)
        except BaseException:
            for helper in self._helpers:
                helper.kill()
            raise
        finally:
            self._stopped.set()
            for helper in self._helpers:
                helper.end()
            for thread in self._threads:
                thread.join()
            if collecting:
                gc.enable()

    def _take(self) -> tuple[int, list[Item]] | None:
        with self._taking:
            return None if self._stopped.is_set() else next(self._batches, None)

    def _work_here(self, work: Work[Item, Result]) -> None:
        number = 0
        try:
            while taken := self._take():
                number, batch = taken
                self._done.put((number, work(batch)))
        except BaseException as error:
            self._done.put((number, error))

    def _have_done(self, helper: Helper[Item, Result]) -> None:
        asked: deque[int] = deque()
        try:
            while True:
                # One batch more than it works on: this thread may have to wait before it can hand over the next.
                while len(asked) < _ASKED and (taken := self._take()):
                    helper.ask(taken[1])
                    asked.append(taken[0])
                if not asked:
                    return
                self._done.put((asked[0], helper.answer()))
                asked.popleft()
        except BaseException as error:
            self._done.put((asked[0] if asked else 0, error))
