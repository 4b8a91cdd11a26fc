from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from flowerops.domain.build import BuildInfo, CodeInfo
from flowerops.domain.contact_sheet import contact_sheets, default_per_class
from flowerops.domain.dataset import SPLITS, ProcessedImage, Provenance, Quarantined, VersionManifest, count_classes
from flowerops.domain.groups import joined
from flowerops.domain.hygiene import MAX_LISTED, Hygiene
from flowerops.domain.hygiene_findings import examine
from flowerops.domain.hygiene_reasons import conflicts_of, reason_kind
from flowerops.domain.hygiene_words import warnings_about, warnings_by_finding

PROVENANCE = Provenance(created="2024-05-01T12:00:00+00:00", build=BuildInfo(kind="laptop", id="x"), code=CodeInfo())


def row(number, label="daisy", split="train", width=400, height=300) -> ProcessedImage:
    digest = f"{number:064x}"
    return ProcessedImage(
        dhash="0" * 16,
        height=height,
        label=label,
        mean_rgb="808080",
        path=f"{label}/{number}.jpg",
        pixels_sha256=digest,
        sha256=digest,
        split=split,
        width=width,
    )


def plenty(*labels: str, each: int = 10) -> list[ProcessedImage]:
    """Enough rows of every class in every split."""
    names = labels or ("daisy", "roses")
    return [
        row(1000 * place + 100 * part + number, label, split)
        for place, label in enumerate(names)
        for part, split in enumerate(SPLITS)
        for number in range(each)
    ]


def manifest(kind="processed", fit="pad", **members) -> VersionManifest:
    return VersionManifest(
        kind=kind,
        name="flowers",
        digest="0" * 64,
        files=0,
        bytes=0,
        classes={},
        params={"image_size": 224, "fit": fit},
        provenance=PROVENANCE,
        **members,
    )


def hygiene(rows, twins=(), raw=None, **members) -> Hygiene:
    return examine(rows, manifest(**members), raw, twins)


def out(path: str, reason: str) -> Quarantined:
    return Quarantined(path=path, reason=reason)


def test_a_clean_version_gives_no_warning():
    found = hygiene(plenty())
    assert warnings_about(found) == []
    assert found.classes == {"daisy": 30, "roses": 30}
    assert found.split_classes["val"] == {"daisy": 10, "roses": 10}


def test_a_class_without_images_in_a_split_is_counted_as_zero():
    found = hygiene([*plenty("daisy"), row(1, "roses", "train")])
    assert found.split_classes["test"] == {"daisy": 10, "roses": 0}
    assert {(few.label, few.split, few.images) for few in found.few_images} >= {
        ("roses", "test", 0),
        ("roses", "train", 1),
    }


def test_fewer_than_five_test_images_are_a_warning_that_names_the_classes():
    rows = [*plenty("daisy"), *plenty("roses", "tulips", each=5), row(1, "lily"), row(2, "lily", "test")]
    said = warnings_by_finding(hygiene(rows))
    assert said["few_test"] == "1 class has fewer than 5 test images, too few to measure on: lily (1)."
    assert said["few_train"] == "1 class has fewer than 5 training images, too few to learn from: lily (1)."


def test_an_imbalance_of_ten_to_one_is_a_warning_and_less_is_not():
    large, small = plenty("daisy", each=100), plenty("roses", each=10)
    said = warnings_by_finding(hygiene(large + small))
    assert said["imbalance"] == "The classes are 10 to 1 out of balance: daisy has 300 images, roses 30."
    assert "imbalance" not in warnings_by_finding(hygiene(large[:-1] + small))


def test_near_duplicates_become_groups_and_those_with_two_labels_are_suspicious():
    rows = plenty()
    daisies, rose = [0, 1, 2], 31
    found = hygiene(rows, twins=[(0, 1), (1, 2), (3, rose), (4, 5)])
    assert [[each.path for each in group] for group in found.near_duplicates.items] == [
        [rows[index].path for index in daisies],
        [rows[3].path, rows[rose].path],
        [rows[4].path, rows[5].path],
    ]
    assert (found.near_duplicates.count, found.near_duplicates.photos) == (3, 7)
    assert [[each.label for each in group] for group in found.suspicious_labels.items] == [["daisy", "roses"]]
    said = warnings_about(found)
    assert said[0].startswith("1 group of near-duplicates carries different labels")
    assert rows[rose].path in said[0]
    assert said[-1] == "7 images are nearly the same as another, in 3 groups."


def test_the_beginning_of_a_large_group_shows_why_it_is_suspicious():
    rows = plenty()
    group = hygiene(rows, twins=[(0, other) for other in (1, 2, 3, 4, 5, 31)]).suspicious_labels
    assert [photo.label for photo in group.items[0][:2]] == ["daisy", "roses"]
    assert len(group.items[0]) == 7
    said = warnings_by_finding(hygiene(rows, twins=[(0, 1), (1, 31), (2, 32)]))["suspicious_labels"]
    assert said.startswith("2 groups of near-duplicates carry different labels")
    assert said.endswith("(for example daisy/0.jpg, roses/1001.jpg).")


def test_near_duplicates_in_two_splits_are_a_warning_of_their_own():
    found = hygiene(plenty(), twins=[(0, 10)])
    assert found.across_splits.count == 1
    assert "more than one split" in warnings_by_finding(found)["across_splits"]
    assert hygiene(plenty(), twins=[(0, 1)]).across_splits.count == 0


def test_one_photo_under_three_labels_is_one_conflict_even_with_commas_in_its_name():
    names = ["a/x, y.jpg", "b/x.jpg", "c/x.jpg"]
    entries = [
        out(name, "same photo under another class: " + ", ".join(other for other in names if other != name))
        for name in names
    ]
    entries += [out("a/2", "same photo under another class: b/2"), out("b/2", "same photo under another class: a/2")]
    assert sorted(conflicts_of(entries)) == [["a/2", "b/2"], names]
    found = hygiene(plenty(), quarantined=entries)
    assert (found.conflicts.count, found.conflicts.files) == (2, 5)
    assert warnings_about(found) == [
        "2 photos lie under more than one label (for example a/x, y.jpg, b/x.jpg, c/x.jpg); "
        "5 files are left out until each has one label."
    ]


def test_reasons_are_counted_without_the_particulars_of_each_file():
    entries = [
        out("a/1", "truncated: image file is truncated (12 bytes not processed)"),
        out("a/2", "truncated: image file is truncated (7 bytes not processed)"),
        out("a/3", "empty file"),
        out("a/4", "20000 x 20000 pixels exceed the limit of 89,478,485"),
        out("a/5", "nearly the same as a/0: b.jpg, which is in another split"),
    ]
    found = hygiene(plenty(), quarantined=entries)
    assert found.quarantined.reasons == {
        "truncated": 2,
        "empty file": 1,
        "nearly the same as a photo in another split": 1,
        "too many pixels": 1,
    }
    assert found.straddling.items == [["a/5", "a/0: b.jpg"]]
    said = warnings_by_finding(found)["quarantined"]
    assert said.startswith("5 of 65 files cannot be used: truncated (2), empty file (1)")


def test_copies_are_listed_after_the_file_that_is_used():
    found = hygiene(plenty(), duplicates=[out("a/2", "same bytes as a/1"), out("a/3", "same bytes as a/1")])
    assert found.duplicates.items == [["a/1", "a/2", "a/3"]]
    assert warnings_about(found) == ["2 files are exact copies of others in the same class and are not used."]


def test_skipped_files_come_from_the_raw_version():
    raw = manifest("raw", skipped=[out("README.txt", "not in a class folder")])
    assert hygiene(plenty(), raw=raw).skipped.count == 1
    assert hygiene(plenty()).skipped.count == 0


def test_tiny_and_enlarged_photos_are_told_apart():
    rows = [*plenty(), row(1, width=63, height=900), row(2, width=100, height=80), row(3, width=10, height=12)]
    found = hygiene(rows)
    assert [each.path for each in found.tiny.items] == ["daisy/3.jpg", "daisy/1.jpg"]
    assert [each.path for each in found.enlarged.items] == ["daisy/3.jpg", "daisy/2.jpg"]
    said = warnings_by_finding(found)
    assert said["tiny"].endswith("the smallest is daisy/3.jpg (10 x 12).")
    assert "the most 18.7 times: daisy/3.jpg" in said["enlarged"]


def test_the_fit_decides_how_much_a_photo_is_enlarged():
    rows = [*plenty(), row(1, width=300, height=100)]
    assert hygiene(rows).enlarged.count == 0
    assert hygiene(rows, fit="crop").enlarged.count == 1


def test_elongated_photos_are_a_warning_that_says_what_the_fit_does_to_them():
    rows = [*plenty(), row(1, width=900, height=300), row(2, width=200, height=1000), row(3, width=899, height=300)]
    for fit, words in (("pad", "square empty"), ("crop", "cut off"), ("stretch", "distorts")):
        found = hygiene(rows, fit=fit)
        assert [each.path for each in found.elongated.items] == ["daisy/2.jpg", "daisy/1.jpg"]
        assert words in warnings_by_finding(found)["elongated"]


def test_a_finding_counts_all_and_lists_a_bounded_number():
    found = hygiene([row(number, width=20, height=20) for number in range(MAX_LISTED + 7)])
    assert found.tiny.count == MAX_LISTED + 7
    assert len(found.tiny.items) == MAX_LISTED


def test_the_document_survives_its_json():
    found = hygiene(plenty(), twins=[(0, 40)], duplicates=[out("a/2", "same bytes as a/1")])
    assert Hygiene.from_json(found.to_json(), "x") == found


def test_a_reason_without_particulars_is_its_own_kind():
    assert reason_kind("empty file") == "empty file"


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=60))
def test_joined_groups_hold_every_pair_and_do_not_overlap(pairs):
    groups = joined(pairs)
    members = [member for group in groups for member in group]
    assert len(members) == len(set(members))
    home = {member: number for number, group in enumerate(groups) for member in group}
    assert all(home[one] == home[other] for one, other in pairs)
    assert set(home) == {member for pair in pairs for member in pair}
    for group in groups:  # connected: from the first member all others are reached
        reached = {group[0]}
        for _ in group:
            reached |= {other for pair in pairs for other in pair if reached & set(pair)}
        assert reached == set(group)


def test_a_contact_sheet_shows_every_split_in_proportion():
    rows = [row(number, split=split) for number, split in enumerate(["train"] * 70 + ["val"] * 3 + ["test"] * 27)]
    chosen = contact_sheets(rows, 20)["daisy"]
    assert count_classes(each.split for each in chosen) == {"test": 5, "train": 14, "val": 1}
    assert contact_sheets(list(reversed(rows)), 20)["daisy"] == chosen


@given(st.tuples(st.integers(0, 50), st.integers(0, 50), st.integers(0, 50)), st.integers(1, 60))
def test_a_contact_sheet_is_as_long_as_asked_or_holds_all(counts, wanted):
    splits = [split for split, count in zip(SPLITS, counts, strict=True) for _ in range(count)]
    rows = [row(number, split=split) for number, split in enumerate(splits)]
    chosen = contact_sheets(rows, wanted).get("daisy", [])
    assert len(chosen) == min(wanted, len(rows))
    assert len({each.sha256 for each in chosen}) == len(chosen)
    if wanted >= 3:
        assert {each.split for each in chosen} == set(splits)


def test_a_small_contact_sheet_keeps_one_photo_of_each_split():
    rows = [row(number, split=split) for number, split in enumerate(["train"] * 50 + ["val", "test"])]
    assert [each.split for each in contact_sheets(rows, 3)["daisy"]] == ["train", "val", "test"]


def test_many_classes_get_fewer_photos_each():
    assert [default_per_class(classes) for classes in (2, 5, 20, 1000)] == [40, 40, 10, 2]
