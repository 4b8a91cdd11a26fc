"""What `doctor` asks of a target."""

from __future__ import annotations

from helpers.both_targets import Place

EXPECTED = {
    "local": {"home"},
    "azureml": {"clock", "credentials", "workspace", "roles", "storage", "compute", "quota"},
}


def test_a_good_place_has_no_problem(place: Place) -> None:
    found = [one.finding for one in place.target.diagnose()]
    assert EXPECTED[place.name] <= {finding.check for finding in found}
    assert [finding for finding in found if finding.verdict == "problem"] == []


def test_looking_changes_nothing(place: Place) -> None:
    before = sorted(path for path in place.home.rglob("*") if path.is_file())
    place.target.diagnose()
    assert sorted(path for path in place.home.rglob("*") if path.is_file()) == before
