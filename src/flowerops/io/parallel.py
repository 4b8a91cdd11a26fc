"""Work on many small things with a few threads, in order and within bounded memory."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

_BATCH = 8
"""Things handed to a thread together: the hand-over costs as much as a small photo's header."""
_AHEAD = 4
"""Batches that wait for each thread; bounds the memory."""


def usable_cores() -> int:
    """Cores that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def bounded_map(
    work: Callable[[Item], Result], items: Iterable[Item], workers: int | None = None, batch: int = _BATCH
) -> Iterator[Result]:
    """Results in the order of the items; no more than a few batches a thread are begun ahead of the consumer.

    Threads suit work that lets go of the interpreter lock: reading, hashing, decoding, compressing.

    Args:
        work: What to do with one item; its first exception is raised here and ends the work.
        items: Consumed as needed.
        workers: Number of threads; None for one a usable core.
        batch: Items a hand-over; 1 for large ones.
    """
    threads = workers or usable_cores()
    batches = _batched(iter(items), batch)

    def run(part: tuple[Item, ...]) -> list[Result]:
        return [work(item) for item in part]

    pool = ThreadPoolExecutor(threads)
    try:
        waiting: deque[Future[list[Result]]] = deque(
            pool.submit(run, part) for part in islice(batches, threads * _AHEAD)
        )
        while waiting:
            results = waiting.popleft().result()
            waiting.extend(pool.submit(run, part) for part in islice(batches, 1))
            yield from results
    finally:
        pool.shutdown(cancel_futures=True)


def _batched(items: Iterator[Item], size: int) -> Iterator[tuple[Item, ...]]:
    while part := tuple(islice(items, size)):
        yield part
