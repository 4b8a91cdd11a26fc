"""Memory of a training on 100,000 photos: the largest process of the command, by the system's own count."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.drawn import generate

COUNT = 100_000
_SIDE = 32
_EPOCHS = 5
_OBSERVER = """
import json, resource, subprocess, sys
done = subprocess.run(sys.argv[1:], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True)
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
print(json.dumps({"peak": peak, **json.loads(done.stdout)}))
"""


def measure() -> str:
    """The table."""
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch) / "home"
        photos = generate(Path(scratch) / "photos", COUNT, (_SIDE + 8, _SIDE + 4))
        _observed("preprocess", "--data-folder", str(photos), "--home", str(home), "--image-size", str(_SIDE))
        rows = [_row(name, home) for name in ("first train", "train again, features cached")]
    lines = [
        f"### Train on {COUNT:,} small photos ({_SIDE} px; the default backbone's 1,280 features each), one run each",
        "",
        "| command | images | features | peak memory of a process, MB | s | phases, s |",
        "|---|---|---|---|---|---|",
    ]
    return "\n".join([*lines, *rows, ""])


def _row(name: str, home: Path) -> str:
    trained = _observed("train", "--epochs", str(_EPOCHS), "--home", str(home))
    features, seconds = trained["features"], trained["seconds"]
    phases = ", ".join(f"{phase} {value:.1f}" for phase, value in seconds.items() if phase != "total")
    return (
        f"| {name} | {features['computed'] + features['cached']:,} | {features['computed']:,} computed, "
        f"{features['cached']:,} cached | {trained['peak'] / 1e6:,.0f} | {seconds['total']:.0f} | {phases} |"
    )


def _observed(*arguments: str) -> dict:  # type: ignore[type-arg]
    """The result of a command, and `peak`: the most bytes that one of its processes held, from getrusage."""
    command = [sys.executable, "-c", _OBSERVER, sys.executable, "-m", "flowerops", *arguments, "--json"]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout)  # type: ignore[no-any-return]
