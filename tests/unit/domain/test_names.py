from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowerops.domain.names import Selector, did_you_mean, parse_selector, valid_name
from flowerops.errors import UsageError

plain_names = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}", fullmatch=True)


@pytest.mark.parametrize(
    ("text", "selector"),
    [
        ("flowers", Selector("flowers")),
        ("flowers:latest", Selector("flowers")),
        ("flowers:3", Selector("flowers", 3)),
        ("flower_classifier-2.0:12", Selector("flower_classifier-2.0", 12)),
    ],
)
def test_a_name_may_carry_a_version(text, selector):
    assert parse_selector(text, "dataset") == selector


@given(plain_names, st.none() | st.integers(1, 10**6))
def test_a_selector_reads_what_it_writes(name, version):
    selector = Selector(name, version)
    assert parse_selector(str(selector), "dataset") == selector


@pytest.mark.parametrize("version", ["", "0", "-1", "1.5", "one", "Latest", " 1", "1 ", "²", "1:2", "9" * 5000])
def test_a_version_that_is_no_number_is_refused(version):
    with pytest.raises(UsageError, match="version") as caught:
        parse_selector(f"flowers:{version}", "dataset")
    assert caught.value.exit_code == 2
    assert "flowers" in (caught.value.hint or "")


BAD_NAMES = [
    "",
    ".",
    "..",
    "../x",
    "a/b",
    "a\\b",
    "/etc",
    "a..b",
    "%2e%2e",
    "a%20",
    "a b",
    "a\n",
    "-x",
    "_x",
    "ü",
    "a" * 64,
    "a\0",
]


@pytest.mark.parametrize("name", BAD_NAMES)
def test_a_path_in_disguise_is_no_name(name):
    with pytest.raises(UsageError, match="model name") as caught:
        valid_name(name, "model")
    assert caught.value.exit_code == 2
    assert "\n" not in caught.value.message
    with pytest.raises(UsageError):
        parse_selector(name, "model")


@given(st.text(max_size=80))
def test_whatever_is_allowed_is_one_harmless_path_part(name):
    try:
        valid_name(name, "model")
    except UsageError:
        return
    assert name.isascii()
    assert len(name) <= 63
    assert not set(name) & set("/\\:%\0\n ")
    assert ".." not in name


def test_the_nearest_name_is_suggested():
    assert did_you_mean("flwers", ["tulips", "flowers"]) == "Did you mean 'flowers'?"
    assert did_you_mean("zzz", ["tulips", "flowers"]) == "There are flowers, tulips."
    assert did_you_mean("zzz", []) == "There is none yet."
