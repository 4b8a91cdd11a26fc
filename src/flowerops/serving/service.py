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
from flowerops.serving.errors import not_ready
from flowerops.serving.scorer import Scored, Scorer

T = TypeVar("T")


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

    async def score_all(self, images: list[bytes]) -> list[Scored | ImageRejectedError]:
        """Score images side by side; an image that is refused gives the refusal, in its place."""
        scorer = self.scorer()
        return await asyncio.gather(*(self.run(partial(scored_or_refused, scorer, data)) for data in images))

    def identity(self) -> dict[str, object]:
        """What every answer says about its model: name, version, digest, dataset and build."""
        return identity(self.scorer(), self.model.name, self.model.version)
