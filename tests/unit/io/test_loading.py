from __future__ import annotations

import gc

import pytest

from flowerops.io.loading import loading


def test_the_collector_rests_in_the_block_and_works_afterwards():
    assert gc.isenabled()
    with loading():
        assert not gc.isenabled()
    assert gc.isenabled()


def test_it_works_again_after_a_failure_and_in_nested_blocks():
    with pytest.raises(ImportError), loading():
        with loading():
            pass
        assert not gc.isenabled()
        raise ImportError
    assert gc.isenabled()


def test_who_had_switched_it_off_finds_it_so():
    gc.disable()
    try:
        with loading():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
