"""Train: the whole command, from photos to a sealed bundle, beside Keras scripts that train on the same photos."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from bench.measure import Row, compare, table

ROUNDS = 3
EPOCHS = 10
_HERE = Path(__file__).parent
_NEW_SHARE = 20
_MAX_BAD = ("--max-bad", "10%")


class _Bench:
    """Every round has a home of its own: a first train, then one after 5 % new photos."""

    def __init__(self, photos: Path, root: Path) -> None:
        self.root = root
        self.first: dict[str, Any] = {}
        self.again: dict[str, Any] = {}
        self._rounds = 0
        for index, path in enumerate(sorted(photos.glob("*/*.jpg"))):
            _copy(path, root / ("first" if index % _NEW_SHARE else "new") / path.parent.name / path.name)

    def script(self, name: str) -> str:
        command = [sys.executable, str(_HERE / name), str(self.root / "split"), str(EPOCHS)]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        return f"test accuracy {json.loads(done.stdout.splitlines()[-1])['test_accuracy']:.3f}, {EPOCHS} epochs"

    def train_first(self) -> str:
        self._rounds += 1
        self.first = _flowerops("train", "--data-folder", str(self.root / "first"), *_MAX_BAD, "--home", self.home)
        return _split_of_seconds(self.first)

    def train_again(self) -> str:
        new = str(self.root / "new")
        self.again = _flowerops("train", "--data-folder", new, "--extend", *_MAX_BAD, "--home", self.home)
        share = self.again["seconds"]["features"] / self.first["seconds"]["features"]
        return (
            f"{self.again['features']['computed']} features, {share:.0%} of the time; {_split_of_seconds(self.again)}"
        )

    def train_cached(self) -> str:
        return _split_of_seconds(_flowerops("train", "--home", self.home))

    @property
    def home(self) -> str:
        return str(self.root / f"home{self._rounds}")

    def write_split(self) -> int:
        """The photos as class folders under train/, val/ and test/, divided as flowerops divides them."""
        home = self.root / "home0"
        _flowerops("preprocess", "--data-folder", str(self.root / "first"), *_MAX_BAD, "--home", str(home))
        listed = _flowerops("data", "show", "flowers_processed", "--home", str(home))
        rows = (Path(listed["folder"]) / "files.jsonl").read_text().splitlines()
        for row in map(json.loads, rows):
            stored = home / "objects" / row["sha256"][:2] / row["sha256"][2:]
            _copy(stored, self.root / "split" / row["split"] / row["label"] / Path(row["path"]).name)
        return len(rows)

    def accuracy(self) -> float:
        """Of the first train, on the test split."""
        evaluated = _flowerops("evaluate", "--run", self.first["run_id"], "--home", self.home)
        return float(evaluated["metrics"]["accuracy"])


def measure(photos: Path, rounds: int = ROUNDS) -> str:
    """The table."""
    with tempfile.TemporaryDirectory() as scratch:
        bench = _Bench(photos, Path(scratch))
        count = bench.write_split()
        ways = {
            "plain Keras script, same backbone frozen": lambda: bench.script("plain_keras.py"),
            "the predecessor's network in a Keras script": lambda: bench.script("predecessor.py"),
            "flowerops train --data-folder, nothing there before": bench.train_first,
            "flowerops train --data-folder --extend, 5 % new photos": bench.train_again,
            "flowerops train, nothing new": bench.train_cached,
        }
        rows = compare(ways, count, rounds)
        accuracy = bench.accuracy()
    title = f"Train on {count:,} photos: the test split gives flowerops {accuracy:.3f}"
    return table(title, "photos", rows, rounds) + _ratios(rows)


def _ratios(rows: list[Row]) -> str:
    plain, predecessor, first, again, _ = rows
    return (
        f"The first train takes {first.median_s / plain.median_s:.2f} of the plain script's time and "
        f"{first.median_s / predecessor.median_s:.2f} of the predecessor's; with 5 % new photos it takes "
        f"{again.median_s / first.median_s:.2f} of the first. In processor time: {first.cpu_s / plain.cpu_s:.2f}, "
        f"{first.cpu_s / predecessor.cpu_s:.2f} and {again.cpu_s / first.cpu_s:.2f}.\n"
    )


def _flowerops(*arguments: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "flowerops", *arguments, "--json"]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    return json.loads(done.stdout)  # type: ignore[no-any-return]


def _split_of_seconds(trained: dict[str, Any]) -> str:
    return ", ".join(f"{phase} {seconds:.1f}" for phase, seconds in trained["seconds"].items())


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
