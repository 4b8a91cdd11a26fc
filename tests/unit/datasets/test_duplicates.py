from __future__ import annotations

import random
from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st

from flowerops.datasets.duplicates import MAX_COLOUR_DISTANCE, MAX_DISTANCE, near_duplicates
from flowerops.datasets.squares import facts_of
from flowerops.domain.dataset import PhotoFacts
from flowerops.images import Fingerprint, prepare_image
from helpers.photos import encoded, picture

GREY = (128, 128, 128)
DETAILED = 0x5A5A_C3C3_0FF0_9669_1E2D_3C4B_A596_8778


def photo(print_: Fingerprint) -> PhotoFacts:
    colour = bytes(print_.mean_rgb).hex()
    return PhotoFacts(dhash=f"{print_.dhash:032x}", height=1, mean_rgb=colour, pixels_sha256="", sha256="", width=1)


def found_in(prints: list[Fingerprint]) -> list[tuple[int, int]]:
    return near_duplicates([photo(print_) for print_ in prints])


def by_definition(prints: list[Fingerprint]) -> list[tuple[int, int]]:
    """All pairs: hashes within 11 bits, average colours within 12 a channel, neither picture nearly flat."""

    def flat(hash_: int) -> bool:
        return min(hash_.bit_count(), 128 - hash_.bit_count()) < 8

    return [
        (i, j)
        for i, j in combinations(range(len(prints)), 2)
        if (prints[i].dhash ^ prints[j].dhash).bit_count() <= MAX_DISTANCE
        and max(abs(a - b) for a, b in zip(prints[i].mean_rgb, prints[j].mean_rgb, strict=True)) <= MAX_COLOUR_DISTANCE
        and not flat(prints[i].dhash)
        and not flat(prints[j].dhash)
    ]


@st.composite
def prints_with_relatives(draw):
    """Random hashes, each with relatives that differ by a few bits and a little colour."""
    found = []
    for _ in range(draw(st.integers(0, 5))):
        base = draw(st.integers(0, 2**128 - 1) | st.sampled_from([0, 2**128 - 1, 127, DETAILED]))
        colour = draw(st.tuples(*[st.integers(0, 255)] * 3))
        for _ in range(draw(st.integers(1, 5))):
            flips = draw(st.lists(st.integers(0, 127), max_size=13, unique=True))
            near = tuple(min(255, max(0, channel + draw(st.integers(-13, 13)))) for channel in colour)
            found.append(Fingerprint(base ^ sum(1 << bit for bit in flips), near))
    return draw(st.permutations(found))


@given(prints_with_relatives())
@settings(max_examples=100, deadline=None)
def test_the_buckets_find_exactly_what_comparing_all_pairs_finds(prints):
    assert found_in(prints) == by_definition(prints)


def test_eleven_bits_in_eleven_bands_are_still_found_and_twelve_are_not():
    eleven = DETAILED ^ sum(1 << (11 * band) for band in range(11))
    twelve = eleven ^ (1 << 127)
    prints = [Fingerprint(hash_, GREY) for hash_ in (DETAILED, eleven, twelve)]
    assert found_in(prints) == [(0, 1), (1, 2)]


def test_the_same_shapes_in_other_colours_are_no_duplicates():
    assert found_in([Fingerprint(DETAILED, GREY), Fingerprint(DETAILED, (128, 128, 141))]) == []
    assert found_in([Fingerprint(DETAILED, GREY), Fingerprint(DETAILED, (128, 128, 140))]) == [(0, 1)]


def test_flat_pictures_say_nothing():
    assert found_in([Fingerprint(0, GREY), Fingerprint(0, GREY), Fingerprint(0b111_1111, GREY)]) == []


def test_recoded_and_resized_copies_are_found_and_nothing_else():
    photos = []
    for number in range(12):
        original = picture(number, (320, 240), hue=number % 3)
        for data in (
            encoded(original, "PNG"),
            encoded(original, quality=50),
            encoded(original.resize((160, 120)), "WEBP"),
        ):
            photos.append(facts_of("", prepare_image(data, 96)))
    expected = [(3 * number + i, 3 * number + j) for number in range(12) for i, j in ((0, 1), (0, 2), (1, 2))]
    assert near_duplicates(photos) == expected


def test_many_photos_are_compared_without_looking_at_all_pairs():
    chance = random.Random(0)
    prints = [Fingerprint(chance.getrandbits(128), GREY) for _ in range(100_000)]  # all pairs would be 5 billion
    prints[70_000] = Fingerprint(prints[5].dhash ^ 1, GREY)
    assert (5, 70_000) in found_in(prints)


def test_things_on_one_plain_background_are_not_all_compared_and_copies_still_found():
    chance = random.Random(0)
    prints = [Fingerprint(chance.getrandbits(44), GREY) for _ in range(20_000)]  # most bits are those of the background
    prints[15_000] = Fingerprint(prints[3].dhash ^ (1 << 40), GREY)
    assert (3, 15_000) in found_in(prints)


def test_no_photo_has_no_twin():
    assert near_duplicates([]) == []
