"""A child process that works on batches: a plain child that speaks pickle over its pipes.

That is the same on every platform, it ends with its parent, and while it loads the parent has begun already.
"""

from __future__ import annotations

import contextlib
import gc
import pickle
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from typing import IO, Any, Generic, Protocol, TypeVar

from flowerops.errors import RemoteError

Item = TypeVar("Item")
Result = TypeVar("Result")
Item_contra = TypeVar("Item_contra", contravariant=True)
Result_co = TypeVar("Result_co", covariant=True)
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


class Helper(Generic[Item, Result]):
    """A child process; see `main` for its side.

    Args:
        job: What it does; told with the first batch.
    """

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
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_PATIENCE_S)
            self.kill()  # when it lives, it says what nobody understands
            code = self._process.wait()
            raise RemoteError(
                f"a helper process ended with exit code {code} in the middle of its work",
                "If the memory is short, try --workers 1.",
            ) from error

    def kill(self) -> None:
        """End it at once; `end` is still to be called."""
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
