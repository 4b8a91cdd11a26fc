"""What the HTTP application works with: the loaded model, its threads, and where the server is in its life."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from flowerops.images import ImageRejectedError
from flowerops.serving.admission import Admission, Limits
from flowerops.serving.answers import identity, scored_or_refused
from flowerops.serving.errors import ApiError, not_ready
from flowerops.serving.metrics import Counters
from flowerops.serving.scorer import Scored, Scorer

T = TypeVar("T")


class ClientLeftError(Exception):
    """The client went away before its images were scored."""


@dataclass(frozen=True)
class ModelName:
    """Under which name and version the model is registered."""

    name: str
    version: int


class ScoringService:
    """One server's model and state. Everything but `run` happens in the event loop's thread."""

    def __init__(self, model: ModelName, limits: Limits, workers: int) -> None:
        self.model = model
        self.limits = limits
        self.admission = Admission(limits, workers)
        self.counters = Counters()
        self.draining = False
        self.retired = False
        self._scorer: Scorer | None = None
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="score")

    @property
    def state(self) -> str:
        """One of "loading", "ready" and "draining"."""
        if self.draining:
            return "draining"
        return "ready" if self._scorer else "loading"

    @property
    def loaded(self) -> bool:
        """Whether there is a model to tell of."""
        return self._scorer is not None

    @property
    def closes_connections(self) -> bool:
        """Whether clients should connect anew for their next request: another deployment has the traffic now."""
        return self.draining or self.retired

    def become_ready(self, scorer: Scorer) -> None:
        """Take the loaded model into service."""
        self._scorer = scorer

    def scorer(self) -> Scorer:
        """The loaded model.

        Raises:
            ApiError: 503, it is not loaded yet.
        """
        if self._scorer is None:
            raise not_ready(self.state)
        return self._scorer

    async def run(self, work: Callable[[], T]) -> T:
        """Run work in one of the scoring threads, so that the event loop stays free for health checks."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    async def score_all(
        self, images: list[bytes], wanted: Callable[[], bool] = lambda: True
    ) -> list[Scored | ImageRejectedError]:
        """Score images side by side; an image that is refused gives the refusal, in its place.

        Args:
            images: Image files.
            wanted: Asked before each image, in its thread: whether anybody still waits for the answer.

        Raises:
            ApiError: 503, it took too long.
            ClientLeftError: Nobody waits any more.
        """
        score = partial(_score_if_wanted, self.scorer(), wanted)
        try:
            async with asyncio.timeout(self.limits.score_seconds):
                return await asyncio.gather(*(self.run(partial(score, data)) for data in images))
        except TimeoutError as error:  # what has not begun yet is cancelled with it
            message = f"the images were not scored within {self.limits.score_seconds:g} s"
            raise ApiError(503, "timeout", message, {"Retry-After": "1"}) from error

    def identity(self) -> dict[str, object]:
        """What every answer says about its model: name, version, digest, dataset and build."""
        return identity(self.scorer(), self.model.name, self.model.version)


def _score_if_wanted(scorer: Scorer, wanted: Callable[[], bool], data: bytes) -> Scored | ImageRejectedError:
    if not wanted():
        raise ClientLeftError
    return scored_or_refused(scorer, data)
