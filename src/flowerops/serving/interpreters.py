"""A pool of LiteRT interpreters over one model, one for each core."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt

from flowerops.errors import BadInputError, StoreIntegrityError
from flowerops.io.quiet import quiet_native_code
from flowerops.serving.requirements import missing_packages

Pixels = npt.NDArray[np.uint8]
Probabilities = npt.NDArray[np.float32]


class InterpreterPool:
    """Single-threaded interpreters that several threads share, and perhaps a wide one with as many threads.

    One interpreter a core, each with one thread, gives as many images a second as one interpreter with all the threads
    when there are enough requests, and requests do not wait for one another. An image that comes alone gets the wide
    one, and so all cores. Both give the same bits, or the wide one is not used: see `checked`.

    Args:
        model: The bytes of the `.tflite` file; float32 [1, side, side, 3] in, float32 [1, classes] out.
        count: How many single-threaded interpreters.
        side: The side of the input that the caller will give, in pixels.
        wide: Whether to have the wide one, too.

    Raises:
        StoreIntegrityError: The bytes are not a LiteRT model.
        BadInputError: The model's input or output is of another shape or type.
        UsageError: LiteRT is not installed.
    """

    def __init__(self, model: bytes, count: int, side: int, *, wide: bool = False) -> None:
        self._shape = (side, side, 3)
        loaded = [open_interpreter(model) for _ in range(count)]
        self._input, self._output, self.classes = _check_signature(loaded[0], self._shape)
        self._idle: SimpleQueue[Any] = SimpleQueue()
        for interpreter in loaded:
            self._idle.put(interpreter)
        self._count = count
        self._wide = open_interpreter(model, count) if wide and count > 1 else None
        self._lock = Lock()
        self._running = 0

    def run(self, pixels: Pixels) -> Probabilities:
        """Score one image, uint8 RGB [side, side, 3]; gives float32 [classes]. Waits while all are busy."""
        with self._lock:
            alone = self._running == 0
            self._running += 1
        try:
            wide = self._wide
            if alone and wide is not None:
                return self._invoke(wide, pixels)
            with self._borrowed() as interpreter:
                return self._invoke(interpreter, pixels)
        finally:
            with self._lock:
                self._running -= 1

    def checked(self, pixels: Pixels) -> Probabilities:
        """Score one image as `run` does under load; when the wide interpreter differs by a bit, it is put away.

        For the time before the pool is shared.
        """
        with self._borrowed() as interpreter:
            answer = self._invoke(interpreter, pixels)
        if self._wide is not None and not np.array_equal(self._invoke(self._wide, pixels), answer, equal_nan=True):
            self._wide = None
        return answer

    def run_many(self, pixels: Pixels) -> Probabilities:
        """Score images, uint8 RGB [n, side, side, 3], on all interpreters at once; gives float32 [n, classes].

        Raises:
            BadInputError: The images are of another shape or type.
        """
        if pixels.dtype != np.uint8 or pixels.ndim != 4 or pixels.shape[1:] != self._shape:
            got = f"{pixels.dtype} {list(pixels.shape)}"
            raise BadInputError(f"pixels: expected uint8 [n, {', '.join(map(str, self._shape))}], got {got}")
        answers = np.empty((len(pixels), self.classes), np.float32)

        def work(part: npt.NDArray[np.intp]) -> None:
            with self._borrowed() as interpreter:
                for index in part:
                    answers[index] = self._invoke(interpreter, pixels[index])

        with ThreadPoolExecutor(self._count) as threads:
            list(threads.map(work, np.array_split(np.arange(len(pixels)), self._count)))
        return answers

    @contextlib.contextmanager
    def _borrowed(self) -> Iterator[Any]:
        interpreter = self._idle.get()
        try:
            yield interpreter
        finally:
            self._idle.put(interpreter)

    def _invoke(self, interpreter: Any, pixels: Pixels) -> Probabilities:
        interpreter.set_tensor(self._input, pixels.astype(np.float32)[None])
        interpreter.invoke()
        answer: Probabilities = interpreter.get_tensor(self._output)[0]
        return answer


def open_interpreter(model: bytes, threads: int = 1) -> Any:
    """One interpreter, for one thread at a time; it computes with so many threads of its own.

    Raises:
        StoreIntegrityError: The bytes are not a LiteRT model.
        UsageError: LiteRT is not installed.
    """
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError as error:
        raise missing_packages(["ai_edge_litert"]) from error
    try:
        with quiet_native_code():
            interpreter = Interpreter(model_content=model, num_threads=threads)
            interpreter.allocate_tensors()
    except (ValueError, RuntimeError) as error:
        raise StoreIntegrityError(
            f"not a LiteRT model: {error}", "The model was not exported by flowerops; train it again."
        ) from error
    return interpreter


def _check_signature(interpreter: Any, shape: tuple[int, int, int]) -> tuple[int, int, int]:
    """The indices of the input and the output tensor, and the number of classes."""
    inputs, outputs = interpreter.get_input_details(), interpreter.get_output_details()
    if len(inputs) != 1 or len(outputs) != 1:
        raise BadInputError(f"the model has {len(inputs)} inputs and {len(outputs)} outputs; expected one of each")
    given, wanted = tuple(int(n) for n in inputs[0]["shape"]), (1, *shape)
    if given != wanted or inputs[0]["dtype"] != np.float32:
        raise BadInputError(
            f"the model takes {np.dtype(inputs[0]['dtype'])} {list(given)}; expected float32 {list(wanted)}"
        )
    answer = tuple(int(n) for n in outputs[0]["shape"])
    if len(answer) != 2 or answer[0] != 1 or outputs[0]["dtype"] != np.float32:
        raise BadInputError(
            f"the model answers {np.dtype(outputs[0]['dtype'])} {list(answer)}; expected float32 [1, n]"
        )
    return int(inputs[0]["index"]), int(outputs[0]["index"]), answer[1]
