"""How many files may be unusable."""

from __future__ import annotations

import pytest

from flowerops.domain.dataset import Quarantined
from flowerops.errors import BadInputError
from flowerops.steps.dividing import check_bad_share


def bad(count: int) -> list[Quarantined]:
    return [Quarantined(path=f"daisy/{number}.jpg", reason="empty file") for number in range(count)]


@pytest.mark.parametrize(
    ("files", "max_bad", "allowed"),
    [(100, 0.07, 7), (1000, 0.057, 57), (100, 0.29, 29), (30, 0.01, 1), (101, 0.01, 2), (100, 0.0, 0), (7, 1.0, 7)],
)
def test_a_share_is_rounded_up_and_never_by_a_float_s_last_bit(files: int, max_bad: float, allowed: int) -> None:
    check_bad_share(bad(allowed), files, max_bad)
    with pytest.raises(BadInputError, match=rf"{allowed + 1} of {files} files cannot be used \(allowed: {allowed}\)"):
        check_bad_share(bad(allowed + 1), files, max_bad)
