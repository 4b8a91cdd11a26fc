"""Many small photos: time an image, memory of the whole process tree, disk, and how soon they can be listed."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import psutil

from bench.drawn import generate

COUNTS = (10_000, 100_000)
_SIDE = 64


def measure() -> str:
    """The table."""
    lines = [
        f"### Many small photos ({_SIDE} x 48 px), the whole command, one run each",
        "",
        "| photos | s | ms/photo | memory MB, all processes | photos MB | home MB | list s | show s |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for count in COUNTS:
        with tempfile.TemporaryDirectory() as scratch:
            photos = generate(Path(scratch) / "photos", count, (_SIDE, 48))
            home = Path(scratch) / "home"
            arguments = ["--data-folder", str(photos), "--home", str(home), "--image-size", str(_SIDE)]
            seconds, peak = _run("preprocess", *arguments)
            listed, _ = _run("data", "list", "--home", str(home))
            shown, _ = _run("data", "show", "flowers_processed", "--home", str(home))
            lines.append(
                f"| {count:,} | {seconds:.1f} | {1000 * seconds / count:.2f} | {peak / 1e6:.0f} "
                f"| {_size(photos) / 1e6:.0f} | {_size(home) / 1e6:.0f} | {listed:.2f} | {shown:.2f} |"
            )
    return "\n".join([*lines, ""])


def _run(*arguments: str) -> tuple[float, int]:
    """Seconds, and the most bytes that the command and its children held at once (shared pages count for each)."""
    started = time.perf_counter()
    command = [sys.executable, "-m", "flowerops", *arguments, "--json"]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    peaks = [0]
    watcher = threading.Thread(target=_watch, args=(psutil.Process(child.pid), peaks))
    watcher.start()
    output, _ = child.communicate()
    seconds = time.perf_counter() - started
    watcher.join()
    if not json.loads(output)["ok"]:
        raise RuntimeError(output)
    return seconds, peaks[0]


def _watch(process: psutil.Process, peaks: list[int]) -> None:
    while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
        total = 0
        for one in [process, *process.children(recursive=True)]:
            try:
                total += one.memory_info().rss
            except psutil.Error:
                continue
        peaks[0] = max(peaks[0], total)
        time.sleep(0.05)


def _size(folder: Path) -> int:
    return sum(path.stat().st_blocks * 512 for path in folder.rglob("*") if path.is_file())
