"""What changed between two raw versions."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from flowerops.domain.dataset import RawFile
from flowerops.domain.diff import diff, summary, union

LABELS = ("daisy", "roses", "tulips")


def row(path: str, content: str) -> RawFile:
    return RawFile(bytes=1, label=path.partition("/")[0], path=path, sha256=content * 64)


rows = st.lists(
    st.builds(
        row,
        st.builds("{}/{}.jpg".format, st.sampled_from(LABELS), st.integers(0, 9)),
        st.sampled_from("0123456789abcdef"),
    ),
    unique_by=lambda found: found.path,
    max_size=20,
)


def test_each_kind_of_change_is_told_apart():
    before = [row("daisy/1.jpg", "a"), row("daisy/2.jpg", "b"), row("roses/3.jpg", "c"), row("roses/4.jpg", "d")]
    after = [row("daisy/1.jpg", "a"), row("roses/2.jpg", "b"), row("roses/x/3.jpg", "c"), row("tulips/5.jpg", "e")]
    changes = diff(before, after)
    assert changes.added == ["tulips/5.jpg"]
    assert changes.removed == ["roses/4.jpg"]
    assert [(one.before, one.after) for one in changes.relabelled] == [("daisy/2.jpg", "roses/2.jpg")]
    assert [(one.before, one.after) for one in changes.moved] == [("roses/3.jpg", "roses/x/3.jpg")]
    assert changes.classes_added == ["tulips"]
    assert summary(changes, 1, 2) == (
        '+1 files, -1 files, +1 class "tulips", 1 relabelled, 1 moved, 1 quarantined, 2 skipped'
    )


@given(rows)
def test_a_version_does_not_differ_from_itself(version):
    same = diff(version, version)
    assert not (same.added or same.removed or same.relabelled or same.moved)


@given(rows, rows)
def test_what_one_direction_adds_the_other_removes(one, other):
    there, back = diff(one, other), diff(other, one)
    assert len(there.added) == len(back.removed)
    assert there.classes_added == back.classes_removed


@given(rows, rows)
def test_a_union_keeps_every_old_row_and_every_new_content_under_distinct_paths(one, other):
    joined = union(one, other)
    assert joined[: len(one)] == one
    assert {(found.sha256, found.label) for found in joined} == {
        (found.sha256, found.label) for found in [*one, *other]
    }
    assert len({found.path for found in joined}) == len(joined)
    assert not diff(one, joined).removed
