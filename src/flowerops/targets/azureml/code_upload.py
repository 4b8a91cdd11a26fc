"""Calls that make the SDK upload a folder of code by itself."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

from flowerops.errors import RemoteError
from flowerops.targets.azureml.client import muted
from flowerops.targets.azureml.errors import translating

Result = TypeVar("Result")
LONGEST_S = 15 * 60.0
"""For about a megabyte."""


def with_code(what: str, work: Callable[[], Result], longest_s: float = LONGEST_S) -> Result:
    """Do something that uploads code, and do not wait for ever.

    The SDK (1.35) ends its upload when a count of the files, which its threads add to without a lock, has reached their
    number; a file that failed is told of only because the client shows progress (see `AzureClient.ml`).

    Args:
        what: What the work does, in words that go on "cannot …".
        work: The call.
        longest_s: Then it is given up.

    Raises:
        FlowerOpsError: See `errors.translate`.
    """
    results: list[Result] = []
    failures: list[BaseException] = []

    def go() -> None:
        try:
            results.append(work())
        except BaseException as error:
            failures.append(error)

    with translating(what), muted():
        thread = threading.Thread(target=go, daemon=True)
        thread.start()
        thread.join(longest_s)
        if failures:
            raise failures[0]
    if not results:
        raise RemoteError(
            f"cannot {what}: the upload of the code did not end within {longest_s:g} s",
            "Nothing is lost: run the same command again.",
        )
    return results[0]
