"""Locks that all machines see: leases of blobs. Source: Azure Storage, "Lease Blob"."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from flowerops.errors import ConflictError
from flowerops.targets.azureml.errors import translating

_LEASE_S = 60
_PAUSE_S = 1.0


@contextlib.contextmanager
def holding(blob: Any, what: str, timeout_s: float, waiting: Callable[[str], None] | None = None) -> Iterator[None]:
    """Hold a blob's lease, renewed while the block runs. Who dies lets go of it after a minute.

    Args:
        blob: The SDK's client of the blob, which is made when it is not there.
        what: What the lock guards, for the error message.
        timeout_s: How long to wait for another holder.
        waiting: Told in words when somebody else holds it.

    Raises:
        ConflictError: Somebody else holds it for longer than the timeout.
    """
    lease = _acquire(blob, what, timeout_s, waiting)
    done = threading.Event()

    def renew() -> None:
        while not done.wait(_LEASE_S / 3):
            with contextlib.suppress(Exception):  # the next round tries again
                lease.renew()

    thread = threading.Thread(target=renew, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        with contextlib.suppress(Exception):  # it ends by itself
            lease.release()


def _acquire(blob: Any, what: str, timeout_s: float, waiting: Callable[[str], None] | None) -> Any:
    from azure.core.exceptions import HttpResponseError, ResourceExistsError

    ends = time.monotonic() + timeout_s
    with translating(f"lock {what}"):
        with contextlib.suppress(HttpResponseError):  # it is there already; else the next line says what is wrong
            blob.upload_blob(b"", overwrite=False)
        while True:
            try:
                return blob.acquire_lease(lease_duration=_LEASE_S)
            except ResourceExistsError as error:
                if time.monotonic() > ends:
                    raise ConflictError(
                        f"{what} is being changed by another command", "Wait for it to end, then run again."
                    ) from error
                if waiting is not None:
                    waiting(f"{what} is being changed by another command; waiting for it")
                    waiting = None
                time.sleep(_PAUSE_S)
