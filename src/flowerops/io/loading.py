"""Load large packages faster."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def loading() -> Iterator[None]:
    """Import large packages in the block without the garbage collector.

    They make hundreds of thousands of objects, all of which stay; looking through them for garbage again and again
    takes up to two fifths of the time. What is there at the end is never looked at again.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_on:
            gc.enable()


def one_thread_for_products() -> None:
    """Keep NumPy's matrix products on one thread, unless the user set another number; call it before NumPy is loaded.

    OpenBLAS begins and ends its threads with every product, and they wait for each other in a busy loop. Products as
    small as those of a classifier take several times as long that way, many times as long on a machine that has other
    work to do.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def give_memory_back() -> None:
    """Return to the system what a large piece of work left behind, as far as the C library can (glibc)."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()
    with contextlib.suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)
