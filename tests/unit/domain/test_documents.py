from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from flowerops.domain.build import BuildInfo, CodeInfo
from flowerops.domain.dataset import Provenance, RawFile, VersionManifest, count_classes
from flowerops.domain.documents import Document, canonical_json, digest_of
from flowerops.errors import (
    BadInputError,
    FlowerOpsError,
    SmokeTestFailedError,
    StoreIntegrityError,
    UsageError,
    error_from_document,
)

texts = st.text(st.characters(codec="utf-8"), max_size=8)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)


class Flower(Document):
    name: str
    petals: int = 5
    parts: list[dict[str, float]] = []


def manifest() -> VersionManifest:
    provenance = Provenance(
        created="2024-05-01T12:00:00+00:00", build=BuildInfo(kind="laptop", id="x"), code=CodeInfo()
    )
    return VersionManifest(
        kind="raw", name="flowers", digest="a" * 64, files=2, bytes=10, classes={"tulips": 2}, provenance=provenance
    )


@given(texts, st.integers(), st.lists(st.dictionaries(texts, st.floats(allow_nan=False, allow_infinity=False))))
def test_a_document_reads_what_it_wrote(name, petals, parts):
    flower = Flower(name=name, petals=petals, parts=parts)
    assert Flower.from_json(flower.to_json(), "flower.json") == flower


def test_a_manifest_reads_what_it_wrote():
    assert VersionManifest.from_json(manifest().to_json(), "manifest.json") == manifest()


def test_a_document_never_changes():
    with pytest.raises(ValidationError):
        Flower(name="daisy").petals = 4  # type: ignore[misc]


@pytest.mark.parametrize(
    ("text", "field"),
    [
        (b"", "document"),
        (b"{", "document"),
        (b"\xff\xfe", "document"),
        (b"[]", "document"),
        (b'{"petals": 3}', "name"),
        (b'{"name": "a", "petal": 3}', "petal"),
        (b'{"name": "a", "parts": [{"x": "y"}]}', "parts.0.x"),
        (b'{"name": ' + b"[" * 100_000, "document"),
    ],
)
def test_a_damaged_document_names_file_and_field(text, field):
    with pytest.raises(StoreIntegrityError) as caught:
        Flower.from_json(text, "flower.json")
    assert caught.value.message.startswith(f"flower.json: {field}: ")
    assert caught.value.exit_code == 5
    assert "\n" not in caught.value.message


@given(st.dictionaries(texts, json_values, max_size=6), st.randoms())
def test_the_order_of_keys_plays_no_part_in_a_digest(value, chance):
    items = list(value.items())
    chance.shuffle(items)
    assert canonical_json(dict(items)) == canonical_json(value)
    assert digest_of(dict(items)) == digest_of(value)


@given(json_values, json_values)
def test_equal_digests_mean_equal_values(one, other):
    assert json.loads(canonical_json(one)) == one
    assert (digest_of(one) == digest_of(other)) == (canonical_json(one) == canonical_json(other))


def test_the_canonical_form_is_fixed():
    assert canonical_json({"b": [1, 2.5, None], "a": "ü花"}) == '{"a":"ü花","b":[1,2.5,null]}'.encode()


def test_classes_are_counted_by_name():
    rows = [RawFile(bytes=1, label=label, path="x", sha256="0") for label in ("b", "a", "b")]
    assert list(count_classes(row.label for row in rows).items()) == [("a", 1), ("b", 2)]


@pytest.mark.parametrize("kind", [FlowerOpsError, UsageError, BadInputError, StoreIntegrityError, SmokeTestFailedError])
def test_an_error_survives_the_way_through_a_document(kind):
    error = kind("what happened", "what to do", {"quarantined": [{"path": "a"}]})
    document = {"code": error.code, "message": error.message, "hint": error.hint, "exit_code": error.exit_code}
    again = error_from_document({**error.details, **document})
    assert type(again) is kind
    assert (again.message, again.hint, again.details) == (error.message, error.hint, error.details)


def test_an_error_of_an_unknown_code_is_still_an_error():
    again = error_from_document({"code": "from_the_future", "message": "what", "exit_code": 99})
    assert (type(again), again.message, again.hint) == (FlowerOpsError, "what", None)
