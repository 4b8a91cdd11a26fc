"""Load large packages faster."""

from __future__ import annotations

import gc
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
