"""The limit: decode and interpreter.invoke in a loop, without any server. Arguments: MODEL SECONDS PHOTO …

For each number of clients prints a JSON object with images a second and the latencies in ms. A single client has the
better of one thread and all threads; more have an interpreter for each core.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from flowerops.images import prepare_image
from flowerops.io.parallel import usable_cores


def _interpreter(model: str, threads: int) -> Any:
    interpreter = Interpreter(model_path=model, num_threads=threads)
    interpreter.allocate_tensors()
    return interpreter


def _loop(interpreter: Any, photos: list[bytes], first: int, step: int, ends: float, ms: list[float]) -> None:
    given, wanted = interpreter.get_input_details()[0], interpreter.get_output_details()[0]["index"]
    side, turn = int(given["shape"][1]), first
    while (began := time.perf_counter()) < ends:
        pixels = prepare_image(photos[turn % len(photos)], side).pixels
        interpreter.set_tensor(given["index"], pixels.astype(np.float32)[None])
        interpreter.invoke()
        interpreter.get_tensor(wanted)
        turn += step
        ms.append((time.perf_counter() - began) * 1000)


def _measured(model: str, photos: list[bytes], workers: int, threads: int, seconds: float) -> dict[str, Any]:
    interpreters = [_interpreter(model, threads) for _ in range(workers)]
    times: list[list[float]] = [[] for _ in interpreters]
    began = time.perf_counter()
    running = [
        threading.Thread(target=_loop, args=(interpreter, photos, number, workers, began + seconds, times[number]))
        for number, interpreter in enumerate(interpreters)
    ]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    took = time.perf_counter() - began
    ms = [one for each in times for one in each]
    return {"per_second": len(ms) / took, "ms": ms}


def main(model: str, seconds: float, paths: list[str]) -> None:
    photos, cores = [Path(path).read_bytes() for path in paths], usable_cores()
    _measured(model, photos, cores, 1, 0.5)
    single = [_measured(model, photos, 1, threads, seconds / 2) for threads in (1, cores)]
    several = _measured(model, photos, cores, 1, seconds)
    result = {"1": max(single, key=lambda one: float(one["per_second"])), "several": several}
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]), sys.argv[3:])
