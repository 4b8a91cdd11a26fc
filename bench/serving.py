"""Requests a second, latency, start and memory of scoring servers, with the same model and the same photos."""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.load import Client, Load, closed_loop
from bench.servers import Contender, contenders, running

CLIENTS = (1, 8, 32)
_TRAINING_PHOTOS = 40
_PHOTOS = 60
_LIMIT, _LIMIT_INT8 = "decode and invoke in a loop (the limit)", "the same, int8"


@dataclass
class Seen:
    """What was measured of one server, a value a round."""

    note: str = ""
    ready_s: list[float] = field(default_factory=list)
    rss: list[float] = field(default_factory=list)
    rate: dict[int, list[float]] = field(default_factory=lambda: defaultdict(list))
    p50: dict[int, list[float]] = field(default_factory=lambda: defaultdict(list))
    p99: dict[int, list[float]] = field(default_factory=lambda: defaultdict(list))
    client_cpu: list[float] = field(default_factory=list)
    failed: int = 0
    labels: list[str] = field(default_factory=list)

    def add(self, clients: int, load: Load) -> None:
        """Count one measurement."""
        self.rate[clients].append(load.per_second)
        self.p50[clients].append(load.percentile(0.5))
        self.p99[clients].append(load.percentile(0.99))
        self.client_cpu.append(load.client_cpu)
        self.failed += load.failed


def measure(photos: Path, rounds: int, seconds: float, model: Path | None) -> str:
    """The table.

    Args:
        photos: Class folders; some train the model, others are sent.
        rounds: How often each server is started and loaded; the servers take turns.
        seconds: How long each number of clients loads each server.
        model: A bundle with an int8 model; None trains one.
    """
    with tempfile.TemporaryDirectory() as scratch:
        bundle = model.resolve() if model else _bundle(photos, Path(scratch))
        sent = _sent(photos)
        others = contenders(bundle, Path(scratch))
        seen = {name: Seen() for name in (_LIMIT, _LIMIT_INT8, *(one.name for one in others))}
        for _ in range(rounds):
            _limit(seen[_LIMIT], bundle / "model.tflite", sent, seconds)
            _limit(seen[_LIMIT_INT8], bundle / "model.int8.tflite", sent, seconds)
            for contender in others:
                _load(seen[contender.name], contender, sent, seconds, Path(scratch))
        return "\n".join([*_lines(seen), "", _remarks(seen, rounds, seconds, sent), ""])


def _bundle(photos: Path, scratch: Path) -> Path:
    """A model with its int8 form, trained on a few photos by the real commands."""
    for folder in sorted(path for path in photos.iterdir() if path.is_dir()):
        (scratch / "photos" / folder.name).mkdir(parents=True)
        for photo in sorted(folder.glob("*.jpg"))[:_TRAINING_PHOTOS]:
            shutil.copy(photo, scratch / "photos" / folder.name)
    # The int8 model is wanted whatever it loses: few photos tell little of that.
    keep = ["--quantize", "--params", json.dumps({"training": {"max_quantize_drop": 1.0}})]
    for command in (["preprocess", "--data-folder", "photos"], ["train", "--epochs", "10", *keep]):
        call = [sys.executable, "-m", "flowerops", *command, "--home", "home", "--json"]
        done = subprocess.run(call, cwd=scratch, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return Path(scratch / json.loads(done.stdout)["bundle"]["path"])


def _sent(photos: Path) -> list[Path]:
    """Photos of all classes that did not train the model."""
    folders = sorted(path for path in photos.iterdir() if path.is_dir())
    each = -(-_PHOTOS // len(folders))
    return [photo for folder in folders for photo in sorted(folder.glob("*.jpg"))[-each:]]


def _limit(seen: Seen, model: Path, photos: list[Path], seconds: float) -> None:
    command = [sys.executable, "-m", "bench.bare", str(model), str(seconds), *map(str, photos)]
    result: dict[str, Any] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    for clients in CLIENTS:
        one = result["1" if clients == 1 else "several"]
        seen.add(clients, Load(len(one["ms"]) / one["per_second"], one["ms"], 0, 0.0))


def _load(seen: Seen, contender: Contender, photos: list[Path], seconds: float, scratch: Path) -> None:
    data = [path.read_bytes() for path in photos]
    requests = [contender.request(one) for one in data]
    seen.note = contender.note
    with running(contender, data[0], scratch / "server.log") as server:
        seen.ready_s.append(server.ready_s)
        seen.labels = [_label(server.port, one) for one in requests]
        closed_loop(server.port, requests, max(CLIENTS), 1.0)  # warms it up
        for clients in CLIENTS:
            seen.add(clients, closed_loop(server.port, requests, clients, seconds))
        seen.rss.append(server.rss() / 1e6)


def _label(port: int, request: bytes) -> str:
    status, body = Client(port).ask(request)
    assert status == 200, body
    document = json.loads(body)
    return str((document["predictions"][0] if "predictions" in document else document)["label"])


def _lines(seen: dict[str, Seen]) -> list[str]:
    heads = [f"{clients} client{'s' if clients > 1 else ''}: req/s (% of limit)" for clients in CLIENTS]
    tails = [f"p50/p99 ms at {clients}" for clients in CLIENTS]
    columns = ["server", *heads, *tails, "start to first answer, s", "memory, MB", "same labels", "setup"]
    lines = ["### Serving", "", f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    for name, one in seen.items():
        limit = seen[_LIMIT_INT8 if "int8" in name else _LIMIT]
        rates = [f"{_median(one.rate[clients]):.0f} ({_ratio(one, limit, clients):.0%})" for clients in CLIENTS]
        waits = [f"{_median(one.p50[clients]):.1f}/{_median(one.p99[clients]):.1f}" for clients in CLIENTS]
        ends = ["", "", "", ""]
        if one.ready_s:
            same = sum(a == b for a, b in zip(one.labels, seen["flowerops"].labels, strict=True))
            ends = [f"{_median(one.ready_s):.2f}", f"{_median(one.rss):.0f}", f"{same} of {len(one.labels)}", one.note]
        lines.append(f"| {' | '.join([name, *rates, *waits, *ends])} |")
    return lines


def _remarks(seen: dict[str, Seen], rounds: int, seconds: float, sent: list[Path]) -> str:
    share = max(_median(one.client_cpu) for one in seen.values())
    failed = sum(one.failed for one in seen.values())
    size = statistics.mean(path.stat().st_size for path in sent) / 1000
    return (
        f"Medians of {rounds} rounds, servers in turn, each started anew and loaded for {seconds:g} s by 1, 8 and 32 "
        f"clients in a closed loop with {len(sent)} photos of {size:.0f} kB on loopback. The clients share the cores "
        f"with the server and took up to {share:.2f} of a core, which the limit does not pay. The ratio to the limit "
        f"is the median of the rounds' ratios. {failed} requests failed. Memory is the resident memory of all of a "
        "server's processes."
    )


def _ratio(one: Seen, limit: Seen, clients: int) -> float:
    return _median([mine / most for mine, most in zip(one.rate[clients], limit.rate[clients], strict=True)])


def _median(values: list[float]) -> float:
    return statistics.median(values)
