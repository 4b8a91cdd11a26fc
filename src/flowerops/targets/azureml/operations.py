"""Wait for what the service does to endpoints, by looking at the thing itself.

The SDK's own waiting looks at an endpoint every 30 s only, and the service shows an endpoint's new traffic some time
after it has accepted it: looking at the thing is quicker and tells the truth.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flowerops.domain.progress import Progress
from flowerops.errors import FlowerOpsError, RemoteError
from flowerops.targets.azureml.endpoint_view import state_of
from flowerops.targets.azureml.errors import translate, translating

_LONGEST_S = 45 * 60.0
_FIRST_POLL_S = 0.5
_REASON_S = 20.0
_GIVEN_UP = ("Failed", "Canceled")


@dataclass(frozen=True)
class Waiting:
    """How to wait. poll_s: the longest pause between two looks."""

    progress: Progress
    poll_s: float = 5.0
    longest_s: float = _LONGEST_S

    def until(
        self, what: str, look: Callable[[], Any], done: Callable[[Any], bool], given_up: tuple[str, ...] = _GIVEN_UP
    ) -> Any:
        """Look until it is done or the service gave up.

        Args:
            what: What is waited for, for people.
            look: Gives the SDK's endpoint or deployment.
            done: Whether that is what was wanted.
            given_up: The states in which it never will be.

        Raises:
            FailedError: Its state says that the service gave up.
            RemoteError: It takes too long.
        """
        said, pause, ends = "", _FIRST_POLL_S, time.monotonic() + self.longest_s
        while True:
            with translating(f"look at {what}"):
                found = look()
            if found is not None:
                state = state_of(found)
                if state not in (said, "Succeeded"):  # that is told by whoever waits
                    self.progress.message(f"{what}: {state.lower()}")
                said = state
                if state in given_up:
                    raise FailedError(f"{what}: Azure ML gave up ({state})")
            if done(found):
                return found
            if time.monotonic() > ends:
                raise RemoteError(
                    f"{what}: not done after {self.longest_s / 60:g} minutes", "It may go on; look at it in the studio."
                )
            time.sleep(min(pause, self.poll_s))
            pause *= 1.5

    def until_gone(self, what: str, look: Callable[[], Any]) -> None:
        """Look until it is not there any more, for which `look` gives None."""
        self.until(what, look, lambda found: found is None, given_up=())  # what failed to start can be deleted, too


class FailedError(RemoteError):
    """The service gave up on an endpoint or a deployment."""


def reason_of(poller: Any, what: str, failed: FailedError) -> FlowerOpsError:
    """Why an operation failed: the thing itself does not say it, only the operation does.

    Args:
        poller: The SDK's, of the operation.
        what: What it did, in words that go on "cannot …".
        failed: What the thing itself says.
    """
    try:
        poller.wait(_REASON_S)
    except Exception as error:
        return translate(error, what) or failed
    return failed


def silence_polling() -> None:
    """The SDK prints a dot for each look at an operation, from a thread, into what may be a JSON document."""
    with contextlib.suppress(ImportError):
        from azure.ai.ml._utils import _azureml_polling

        vars(_azureml_polling)["print"] = lambda *_, **__: None
