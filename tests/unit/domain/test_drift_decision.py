"""When photos count as drifted."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from flowerops.domain.drift import DriftParams, judge

PARAMS = DriftParams(p_value=0.02, psi=0.25)


@pytest.mark.parametrize(
    ("embedding_p", "psi", "labels_p", "features", "classes", "said"),
    [
        (0.5, 0.01, 0.9, False, False, ("are like", "alike")),
        (0.01, 0.01, 0.9, True, False, ("differ from", "alike")),
        (0.0101, 0.01, 0.9, False, False, ("are like", "alike")),
        (0.5, 0.3, 0.01, False, True, ("are like", "otherwise")),
        (0.5, 0.3, 0.02, False, False, ("are like", "may differ by chance")),
        (0.5, 0.2, 0.001, False, False, ("are like", "alike")),
    ],
)
def test_each_test_gets_half_of_the_chance_of_a_false_alarm(
    embedding_p: float, psi: float, labels_p: float, features: bool, classes: bool, said: tuple[str, str]
):
    found = judge(embedding_p, psi, labels_p, PARAMS)
    assert found[:2] == (features, classes)
    assert all(words in reason for words, reason in zip(said, found[2], strict=True))


def test_thresholds_that_could_find_nothing_are_refused():
    with pytest.raises(ValidationError, match="at least 1,999 permutations"):
        DriftParams(p_value=0.001, permutations=999)
    assert DriftParams().permutations == 1999
