"""Train: the whole command beside a plain Keras script with the same frozen backbone in `model.fit`."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.measure import compare, table

ROUNDS = 2
EPOCHS = 10
_SCRIPT = Path(__file__).parent / "plain_keras.py"


def _flowerops(*arguments: str) -> dict:  # type: ignore[type-arg]
    command = [sys.executable, "-m", "flowerops", *arguments, "--json"]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    return json.loads(done.stdout)  # type: ignore[no-any-return]


def _first_train(home: Path) -> str:
    """Train with an empty feature cache, then say what the test split says (outside of the training itself)."""
    shutil.rmtree(home / "cache", ignore_errors=True)
    trained = _flowerops("train", "--home", str(home))
    return f"run {trained['run_id']}"


def _cached_train(home: Path) -> str:
    trained = _flowerops("train", "--home", str(home))
    return f"{trained['features']['cached']:,} features from the cache"


def _plain_script(split: Path) -> str:
    command = [sys.executable, str(_SCRIPT), str(split), str(EPOCHS)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    return f"test accuracy {json.loads(done.stdout.splitlines()[-1])['test_accuracy']:.3f}, {EPOCHS} epochs"


def _write_split(home: Path, out: Path) -> None:
    """The photos as class folders under train/, val/ and test/, divided as flowerops divided them."""
    listed = _flowerops("data", "show", "flowers_processed", "--home", str(home))
    rows = (Path(listed["folder"]) / "files.jsonl").read_text().splitlines()
    for row in map(json.loads, rows):
        target = out / row["split"] / row["label"] / Path(row["path"]).name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(home / "objects" / row["sha256"][:2] / row["sha256"][2:], target)


def measure(photos: Path) -> str:
    """The table."""
    with tempfile.TemporaryDirectory() as scratch:
        home, split = Path(scratch) / "home", Path(scratch) / "split"
        _flowerops("preprocess", "--data-folder", str(photos), "--max-bad", "10%", "--home", str(home))
        _write_split(home, split)
        count = sum(1 for _ in split.rglob("*") if _.is_file())
        ways = {
            "plain Keras script, same backbone frozen": lambda: _plain_script(split),
            "flowerops train, empty cache": lambda: _first_train(home),
            "flowerops train again, features cached": lambda: _cached_train(home),
        }
        rows = compare(ways, count, ROUNDS)
        accuracy = _flowerops("evaluate", "--home", str(home))["metrics"]["accuracy"]
    title = f"Train on {count:,} photos (the test split of the same division gives flowerops {accuracy:.3f})"
    return table(title, "photos", rows, ROUNDS)
