"""Spread work on many small things over all cores: this process and, where there is enough to do, helpers.

Python lets one thread at a time run its own code, and a photo needs a good deal of it between the calls into C. Helper
processes are plain children that speak pickle over their pipes: that is the same on every platform, they end with
their parent, and while they load this process has begun already.
"""

from __future__ import annotations

import contextlib
import gc
import pickle
import queue
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import IO, Any, Generic, Protocol, TypeVar

from flowerops.errors import RemoteError
from flowerops.io.parallel import bounded_map, usable_cores

Item = TypeVar("Item")
Result = TypeVar("Result")
Item_contra = TypeVar("Item_contra", contravariant=True)
Result_co = TypeVar("Result_co", covariant=True)
_BATCH = 16
_ENOUGH = 500
"""With fewer things a helper would have loaded when the work is done."""
_ASKED = 2
_PATIENCE_S = 10


class Work(Protocol[Item_contra, Result_co]):
    """What one process does; several threads may call it."""

    def __call__(self, batch: Sequence[Item_contra]) -> Sequence[Result_co]:
        """Results of a batch, in its order; whatever it wrote is out of its buffers then."""

    def close(self) -> None:
        """Let go of files."""


class Job(Protocol[Item_contra, Result_co]):
    """A description of the work that can be pickled."""

    def begin(self) -> Work[Item_contra, Result_co]:
        """Open what the work needs; called once in each process."""


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
        self._helpers = [_Helper(job) for _ in range(helpers)]
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

    def _have_done(self, helper: _Helper[Item, Result]) -> None:
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


class _Helper(Generic[Item, Result]):
    """A child process; see `main` for its side."""

    def __init__(self, job: Job[Item, Result]) -> None:
        command = [sys.executable, "-c", f"from {__name__} import main; main()"]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._to: IO[bytes] = self._process.stdin
        self._back: IO[bytes] = self._process.stdout
        self._job: Job[Item, Result] | None = job

    def ask(self, batch: list[Item]) -> None:
        """Hand a batch over.

        Raises:
            RemoteError: The process died.
        """
        with self._alive():
            if self._job is not None:
                pickle.dump(self._job, self._to)
                self._job = None
            pickle.dump(batch, self._to)
            self._to.flush()

    def answer(self) -> Sequence[Result]:
        """Wait for the results of the batch that was handed over first.

        Raises:
            RemoteError: The process died.
            Exception: What the work raised.
        """
        with self._alive():
            results: Sequence[Result] | BaseException = pickle.load(self._back)  # noqa: S301 - from our own child
        if isinstance(results, BaseException):
            raise results
        return results

    @contextlib.contextmanager
    def _alive(self) -> Iterator[None]:
        try:
            yield
        except (OSError, EOFError, pickle.UnpicklingError, ValueError) as error:
            code = self._process.wait(_PATIENCE_S)
            raise RemoteError(
                f"a helper process ended with exit code {code} in the middle of its work",
                "If the memory is short, try --workers 1.",
            ) from error

    def kill(self) -> None:
        self._process.kill()

    def end(self) -> None:
        """The end of its input is the end of its work."""
        with contextlib.suppress(OSError):  # it may be dead, and what waited in the buffer goes nowhere
            self._to.close()
        try:
            self._process.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._back.close()


def main() -> None:
    """The helper's side: a job, then batches, until the end of its input; one answer a batch."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal tells everybody; the parent decides
    source, answers = sys.stdin.buffer, sys.stdout.buffer
    sys.stdout = sys.stderr
    gc.disable()
    try:
        work: Any = pickle.load(source).begin()  # noqa: S301 - from our own parent
        while True:
            batch = pickle.load(source)  # noqa: S301
            answers.write(_answer(work, batch))
            answers.flush()
    except (EOFError, BrokenPipeError):
        return


def _answer(work: Work[Any, Any], batch: list[Any]) -> bytes:
    try:
        return pickle.dumps(work(batch))
    except Exception as error:
        try:
            return pickle.dumps(error)
        except Exception:
            return pickle.dumps(RuntimeError(f"{type(error).__name__}: {error}"))
