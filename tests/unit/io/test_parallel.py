from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from flowerops.io.parallel import bounded_map, usable_cores


def test_results_come_in_the_order_of_the_items():
    assert list(bounded_map(lambda number: number * 2, range(1000), workers=7)) == [2 * n for n in range(1000)]
    assert list(bounded_map(str, [], workers=3)) == []


def test_few_items_are_begun_however_many_there_are():
    """One slow item in front must not make all others pile up behind it."""
    slow = threading.Event()
    taken: list[int] = []

    def items() -> Iterator[int]:
        for number in range(10_000):
            taken.append(number)
            yield number

    def work(number: int) -> int:
        if number == 0:
            slow.wait(20)
        return number

    results = bounded_map(work, items(), workers=2, batch=4)
    releaser = threading.Timer(0.2, lambda: (begun.append(len(taken)), slow.set()))
    begun: list[int] = []
    releaser.start()
    assert list(results) == list(range(10_000))
    assert begun[0] <= 2 * 4 * 4 + 4


def test_the_first_fault_ends_the_work():
    seen: list[int] = []

    def work(number: int) -> None:
        seen.append(number)
        raise OSError(5, "Input/output error")

    with pytest.raises(OSError, match="Input/output"):
        list(bounded_map(work, range(10_000), workers=2))
    assert len(seen) < 100


def test_at_least_one_core_is_usable() -> None:
    assert usable_cores() >= 1
