from __future__ import annotations

import hashlib
import random
from collections import Counter, defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowerops.datasets.split import Division, Photo, divide
from flowerops.domain.dataset import SPLITS, Split
from flowerops.errors import BadInputError

SHARES = (0.1, 0.2)
LABELS = ("daisy", "roses", "tulips")


def sha(number: int) -> str:
    return hashlib.sha256(str(number).encode()).hexdigest()


def photos_of(count: int, start: int = 0, labels: tuple[str, ...] = LABELS) -> list[Photo]:
    return [Photo(sha(start + number), labels[number % len(labels)]) for number in range(count)]


def splits_of(photos: list[Photo], division: Division) -> dict[str, Split]:
    """The split of every photo that is kept."""
    out = {index for index, _ in division.straddling}
    return {
        photo.sha256: split
        for i, (photo, split) in enumerate(zip(photos, division.splits, strict=True))
        if i not in out
    }


def classes_by_split(photos: list[Photo], division: Division) -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    kept = splits_of(photos, division)
    for photo in photos:
        if photo.sha256 in kept:
            found[photo.label].add(kept[photo.sha256])
    return found


@st.composite
def datasets(draw, most: int = 25):
    """Distinct photos in two or three classes, random near-duplicates (also across classes), and earlier splits."""
    numbers = draw(st.lists(st.integers(0, 10_000), min_size=6, max_size=most, unique=True))
    labels = LABELS[: draw(st.integers(2, 3))]
    photos = [Photo(sha(number), draw(st.sampled_from(labels))) for number in numbers]
    index = st.integers(0, len(photos) - 1)
    pairs = draw(st.lists(st.tuples(index, index), max_size=12))
    twins = sorted({(min(pair), max(pair)) for pair in pairs if pair[0] != pair[1]})
    known = draw(
        st.dictionaries(st.sampled_from([photo.sha256 for photo in photos]), st.sampled_from(SPLITS), max_size=10)
    )
    return photos, twins, known


@given(datasets(), st.randoms(use_true_random=False))
@settings(max_examples=100, deadline=None)
def test_the_order_of_the_photos_plays_no_part(case, chance):
    photos, twins, known = case
    order = list(range(len(photos)))
    chance.shuffle(order)
    place = {old: new for new, old in enumerate(order)}
    shuffled = [photos[old] for old in order]
    turned = [(place[a], place[b]) if chance.random() < 0.5 else (place[b], place[a]) for a, b in twins]
    chance.shuffle(turned)
    try:
        expected = splits_of(photos, divide(photos, twins, *SHARES, known))
    except BadInputError as error:
        with pytest.raises(BadInputError) as caught:
            divide(shuffled, turned, *SHARES, known)
        assert caught.value.message == error.message
        return
    assert splits_of(shuffled, divide(shuffled, turned, *SHARES, known)) == expected


@given(datasets())
@settings(max_examples=100, deadline=None)
def test_every_class_is_in_every_split_or_it_is_an_error(case):
    photos, twins, known = case
    try:
        division = divide(photos, twins, *SHARES, known)
    except BadInputError as error:
        assert error.exit_code == 3
        assert any(repr(label) in error.message for label in LABELS)
        return
    found = classes_by_split(photos, division)
    assert found == {photo.label: set(SPLITS) for photo in photos}


@given(datasets())
@settings(max_examples=100, deadline=None)
def test_near_duplicates_that_are_kept_share_a_split(case):
    photos, twins, known = case
    try:
        kept = splits_of(photos, divide(photos, twins, *SHARES, known))
    except BadInputError:
        return
    for one, other in twins:
        if photos[one].sha256 in kept and photos[other].sha256 in kept:
            assert kept[photos[one].sha256] == kept[photos[other].sha256]


@given(datasets())
@settings(max_examples=100, deadline=None)
def test_a_photo_of_an_earlier_version_never_moves(case):
    photos, twins, known = case
    try:
        kept = splits_of(photos, divide(photos, twins, *SHARES, known))
    except BadInputError:
        return
    assert all(kept[sha256] == split for sha256, split in known.items() if sha256 in kept)


@given(datasets())
@settings(max_examples=100, deadline=None)
def test_only_a_twin_in_another_split_makes_a_photo_be_left_out(case):
    photos, twins, known = case
    try:
        division = divide(photos, twins, *SHARES, known)
    except BadInputError:
        return
    for index, twin in division.straddling:
        assert (min(index, twin), max(index, twin)) in twins
        assert division.splits[index] != division.splits[twin]
        if photos[index].sha256 in known:
            assert photos[twin].sha256 in known


@given(datasets(), datasets())
@settings(max_examples=100, deadline=None)
def test_growing_data_moves_no_photo(first, second):
    photos, twins, _ = first
    try:
        before = splits_of(photos, divide(photos, twins, *SHARES, {}))
    except BadInputError:
        return
    there = {photo.sha256 for photo in photos}
    more = photos + [photo for photo in second[0] if photo.sha256 not in there]
    new_twins = [pair for pair in second[1] if max(pair) < len(more)]
    try:
        after = splits_of(more, divide(more, [*twins, *new_twins], *SHARES, before))
    except BadInputError:
        return
    assert all(after[sha256] == split for sha256, split in before.items() if sha256 in after)


def test_nobody_but_a_new_photo_gives_way_to_a_twin_in_another_split():
    old = photos_of(60)
    known = splits_of(old, divide(old, [], *SHARES, {}))
    in_train = next(i for i, photo in enumerate(old) if known[photo.sha256] == "train")
    in_test = next(i for i, photo in enumerate(old) if known[photo.sha256] == "test")
    grown = [*old, Photo(sha(777), "daisy")]
    division = divide(grown, [(in_train, 60), (in_test, 60)], *SHARES, known)
    assert [index for index, _ in division.straddling] == [60]
    assert splits_of(grown, division) == known


def test_a_new_near_duplicate_joins_the_split_of_the_old_photo():
    old = photos_of(60)
    known = splits_of(old, divide(old, [], *SHARES, {}))
    for index in (0, 1, 2, 10, 20, 30):
        grown = [*old, Photo(sha(900 + index), "daisy")]
        division = divide(grown, [(index, 60)], *SHARES, known)
        assert division.splits[60] == known[old[index].sha256]
        assert division.straddling == []


def test_without_earlier_versions_each_photo_decides_for_itself():
    """Adding photos to a dataset that has no history (a fresh home) leaves the others where they were."""
    few, many = photos_of(600), photos_of(2000)
    before = divide(few, [], *SHARES, {}).splits
    assert divide(many, [], *SHARES, {}).splits[:600] == before


def test_the_shares_are_about_right():
    photos = photos_of(2000)
    share = {split: count / 2000 for split, count in Counter(divide(photos, [], *SHARES, {}).splits).items()}
    assert share["test"] == pytest.approx(0.2, abs=0.03)
    assert share["val"] == pytest.approx(0.1, abs=0.025)
    assert share["train"] == pytest.approx(0.7, abs=0.04)


def test_the_split_of_a_photo_is_the_same_for_ever():
    """Golden values: if they change, SPLITTER_VERSION must go up."""
    assert "".join(split[:2] for split in divide(photos_of(24), [], *SHARES, {}).splits) == GOLDEN


GOLDEN = "trtrtrtrvatrtrtetrtetrvatrtrtrvatetrtrtrtrtetrte"


@pytest.mark.parametrize("count", [1, 2])
def test_a_class_with_too_few_photos_is_named_with_their_number(count):
    photos = [*photos_of(30, labels=("daisy",)), *photos_of(count, 500, labels=("roses",))]
    with pytest.raises(BadInputError, match=f"class 'roses' has {count} distinct photo") as caught:
        divide(photos, [], *SHARES, {})
    assert caught.value.exit_code == 3


def test_copies_of_one_photo_are_not_three_photos():
    photos = [*photos_of(30, labels=("daisy",)), *photos_of(4, 500, labels=("roses",))]
    with pytest.raises(BadInputError, match="has 1 distinct photo;"):
        divide(photos, [(30, 31), (31, 32), (32, 33)], *SHARES, {})


def test_many_copies_of_a_photo_do_not_pull_it_into_test():
    """The smallest of many hashes is small, but says nothing about where its group belongs."""
    photos = photos_of(7 * 400, labels=("daisy",))
    twins = [(first, first + copy) for first in range(0, len(photos), 7) for copy in range(1, 7)]
    splits = divide(photos, twins, *SHARES, {}).splits
    shares = {split: splits.count(split) / len(splits) for split in SPLITS}
    assert shares["test"] == pytest.approx(SHARES[1], abs=0.06)
    assert shares["val"] == pytest.approx(SHARES[0], abs=0.06)


@pytest.mark.parametrize("start", range(0, 200, 10))
def test_three_photos_are_enough_for_three_splits(start):
    photos = [*photos_of(30, labels=("daisy",)), *photos_of(3, 1000 + start, labels=("roses",))]
    assert sorted(divide(photos, [], *SHARES, {}).splits[30:]) == ["test", "train", "val"]


def landing_in(split: Split, label: str, start: int) -> Photo:
    """A photo that its own hash puts into a split."""
    photos = photos_of(200, start, (label,))
    return next(
        photo for photo, own in zip(photos, divide(photos, [], *SHARES, {}).splits, strict=True) if own == split
    )


@pytest.mark.parametrize("spare", [False, True])
def test_filling_a_gap_of_one_class_opens_none_in_another(spare):
    """The daisies lack val; their only new photo is the near-duplicate of the only rose in test."""
    shared_daisy, shared_rose = landing_in("test", "daisy", 0), landing_in("test", "roses", 300)
    fixed: dict[Photo, Split] = {
        Photo(sha(9001), "daisy"): "test",
        Photo(sha(9002), "daisy"): "train",
        Photo(sha(9003), "roses"): "train",
        Photo(sha(9004), "roses"): "val",
    }
    photos = [shared_daisy, shared_rose, *fixed, *([landing_in("train", "daisy", 600)] if spare else [])]
    known = {photo.sha256: split for photo, split in fixed.items()}
    if not spare:
        with pytest.raises(BadInputError, match="class 'daisy' has no photo for the val split"):
            divide(photos, [(0, 1)], *SHARES, known)
        return
    division = divide(photos, [(0, 1)], *SHARES, known)
    assert classes_by_split(photos, division) == {"daisy": set(SPLITS), "roses": set(SPLITS)}
    assert division.splits[0] == division.splits[1] == "test"


def test_a_photo_that_is_left_out_does_not_stand_for_its_class():
    known: dict[str, Split] = {sha(1): "train", sha(2): "val"}
    photos = [Photo(sha(number), "roses") for number in range(1, 6)]
    division = divide(photos, [(0, 1)], *SHARES, known)
    assert len(division.straddling) == 1
    assert classes_by_split(photos, division) == {"roses": set(SPLITS)}


def test_a_class_whose_every_photo_is_left_out_is_named():
    known: dict[str, Split] = {sha(1): "train", sha(2): "val"}
    rose, daisy = sorted((sha(1), sha(2)), reverse=True)
    photos = [Photo(rose, "roses"), Photo(daisy, "daisy"), *photos_of(30, 100, ("daisy",))]
    with pytest.raises(BadInputError, match="class 'roses' has 0 distinct photos"):
        divide(photos, [(0, 1)], *SHARES, known)


def test_a_class_that_is_fixed_without_a_split_says_so():
    photos = photos_of(40, labels=("daisy", "roses"))
    known: dict[str, Split] = {photo.sha256: "train" for photo in photos}
    with pytest.raises(BadInputError, match="fixed by earlier versions"):
        divide(photos, [], *SHARES, known)


def test_long_chains_of_near_duplicates_are_one_group():
    photos = photos_of(5000, labels=("daisy", "roses"))
    chain = [(index, index + 1) for index in range(4000)]
    random.Random(0).shuffle(chain)
    division = divide(photos, chain, *SHARES, {})
    assert len(set(division.splits[:4001])) == 1


@given(st.data())
def test_photos_of_one_source_share_a_split_and_growth_does_not_move_them(data):
    numbers = data.draw(st.lists(st.integers(0, 10**6), min_size=40, max_size=80, unique=True))
    photos = [
        Photo(hashlib.sha256(str(n).encode()).hexdigest(), ("daisy", "roses")[n % 2], f"photographer {n % 12}")
        for n in numbers
    ]
    first = photos[: len(photos) // 2]
    try:
        before = divide(first, [], 0.2, 0.2, {})
    except BadInputError:
        return  # too few sources of a class for three splits
    known = {photo.sha256: split for photo, split in zip(first, before.splits, strict=True)}
    after = divide(photos, [], 0.2, 0.2, known)
    left_out = {index for index, _ in after.straddling}
    splits_of_source: dict[str, set[str]] = {}
    for index, (photo, split) in enumerate(zip(photos, after.splits, strict=True)):
        if index not in left_out:
            splits_of_source.setdefault(photo.source, set()).add(split)
    assert all(len(splits) == 1 for splits in splits_of_source.values())
    assert all(known.get(photo.sha256, split) == split for photo, split in zip(photos, after.splits, strict=True))
