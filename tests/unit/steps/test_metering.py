"""What a training costs is measured where it happens."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

import numpy as np

from flowerops.domain.progress import SilentProgress, Task
from flowerops.io.memory import peak_memory_bytes
from flowerops.steps.metering import MeteredImages, MeteredProgress
from helpers.image_source import ArraySource, coloured


class Heard(SilentProgress):
    def __init__(self) -> None:
        self.said: list[str | None] = []

    @contextlib.contextmanager
    def task(self, label: str, total: int, unit: str) -> Iterator[Task]:
        said = self.said

        class Listening:
            def advance(self, amount: int = 1, status: str | None = None) -> None:
                said.append(status)

        yield Listening()


class Slow(ArraySource):
    def pixels(self, indices):  # type: ignore[no-untyped-def]
        time.sleep(0.02)
        return super().pixels(indices)


def test_reading_is_timed_and_gives_the_same():
    plain = coloured(6, 8)
    metered = MeteredImages(Slow(plain.images, plain.labels))
    assert metered.keys == plain.keys
    np.testing.assert_array_equal(metered.labels, plain.labels)
    np.testing.assert_array_equal(metered.pixels([1, 4]), plain.images[[1, 4]])
    assert 0.02 <= metered.seconds < 5


def test_epochs_say_how_many_images_went_by():
    heard = Heard()
    metered = MeteredProgress(heard, 100)
    assert metered.images_per_second is None
    with metered.task("training", 5, "epoch") as task:
        task.advance(2, "caught up")  # those of an earlier attempt took no time
        time.sleep(0.05)
        task.advance(1, "loss 1")
    with metered.task("features", 5, "image") as task:
        task.advance(1, "plain")
    assert heard.said[0] == "caught up"
    assert heard.said[1] is not None and heard.said[1].startswith("loss 1 · ") and heard.said[1].endswith(" images/s")
    assert heard.said[2] == "plain"
    assert metered.images_per_second is not None and 20 < metered.images_per_second <= 2000


def test_the_process_knows_its_peak():
    before = peak_memory_bytes()
    block = np.ones(8_000_000)
    after = peak_memory_bytes()
    del block
    assert before is not None and after is not None
    assert before > 10_000_000
    assert after >= before - 2**20  # the kernel counts in batches
