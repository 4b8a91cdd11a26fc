"""A real train step that is killed at one change after the other; as a program: DATA FOLDER CHANGE...

It seals a bundle undisturbed, then another one over several attempts, each killed at the given number of its own
changes below the checkpoints, and prints both digests and what each attempt began with. Attempts are forks, so that
TensorFlow is imported once.
"""

from __future__ import annotations

import functools
import itertools
import json
import os
import signal
import sys
from pathlib import Path

from flowerops.domain.build import BuildInfo, CodeInfo
from flowerops.domain.params import TrainParams
from flowerops.domain.progress import SilentProgress
from flowerops.domain.steps import StepContext
from flowerops.ml.checkpoint_place import CheckpointPlace, checkpoints_in
from flowerops.ml.runtime import load_tensorflow
from flowerops.steps import train as step
from flowerops.tracking import StepTracker

PARAMS = TrainParams(backbone="cnn", epochs=5, batch_size=8, deterministic=True)
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT


def kill_at(root: Path, change: int) -> None:
    """SIGKILL for this process at its change of that number below a folder."""
    count = itertools.count(1)

    def watch(event: str, arguments: tuple[object, ...]) -> None:
        writes = event in ("os.rename", "os.mkdir", "os.remove", "os.rmdir", "shutil.rmtree")
        if event == "open":
            writes = bool(int(arguments[2] or 0) & _WRITES)  # type: ignore[call-overload]
        if writes and str(arguments[0]).startswith(str(root)) and next(count) == change:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(watch)


def attempt(data: Path, folder: Path, checkpoints: Path, change: int = 0) -> str | None:
    """The sealed bundle's digest, or None where the attempt was killed."""
    folder.mkdir()
    child = os.fork()
    if child == 0:
        if change:
            kill_at(checkpoints, change)
        context = StepContext(build=BuildInfo(kind="laptop", id=folder.name), code=CodeInfo(commit=folder.name))
        work = step.TrainInput(data, folder.parent / "cache", PARAMS, context, checkpoints)
        manifest = step.train(work, folder, SilentProgress(), StepTracker.attach(None, None))
        (folder / "digest").write_text(manifest.digest)
        os._exit(0)
    ended = os.waitpid(child, 0)[1]
    assert ended in (0, signal.SIGKILL), ended
    return (folder / "digest").read_text() if ended == 0 else None


def main(data: Path, folder: Path, changes: list[int]) -> None:
    """Print `{"whole": DIGEST, "resumed": DIGEST, "begun": [EPOCHS]}`."""
    load_tensorflow()
    step.CheckpointPlace = functools.partial(CheckpointPlace, spacing=0.0)  # type: ignore[misc, assignment]
    whole = attempt(data, folder / "whole", folder / "checkpoints-of-whole")
    checkpoints, begun, resumed = folder / "checkpoints", [], None
    for number, change in enumerate([*changes, 0]):
        found = checkpoints_in(checkpoints)
        begun.append(int(found[0].name.removeprefix("epoch-")) if found else 0)
        resumed = attempt(data, folder / f"attempt-{number}", checkpoints, change)
        if resumed:
            break
    print(json.dumps({"whole": whole, "resumed": resumed, "begun": begun}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), [int(text) for text in sys.argv[3:]])
