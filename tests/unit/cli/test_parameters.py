from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowerops.cli.parameters import make_params, parse_share, preprocess_params, read_params
from flowerops.domain.params import SECTIONS, GatePolicy, PreprocessParams, TrainParams
from flowerops.errors import UsageError, in_plain_words


def refusal(work) -> UsageError:
    with pytest.raises(UsageError) as caught:
        work()
    assert caught.value.exit_code == 2
    assert "\n" not in caught.value.message
    return caught.value


# --- reading --params -----------------------------------------------------------------------------------------------


def test_nothing_given_is_nothing():
    assert read_params(None) == {}


@pytest.mark.parametrize("blank", ["", " \n\t"])
def test_json_text_is_read_as_it_is(blank):
    assert read_params(blank + '{"training": {"epochs": 3}, "preprocessing": {}}') == {
        "training": {"epochs": 3},
        "preprocessing": {},
    }


def test_anything_else_is_the_path_of_a_file(tmp_path):
    file = tmp_path / "parameters.json"
    file.write_text('{"evaluation": {"max_thumbnails": 3}}', encoding="utf-8")
    assert read_params(str(file)) == {"evaluation": {"max_thumbnails": 3}}


def test_a_section_for_every_step_is_known():
    sections = {name: {} for name in ("preprocessing", "training", "evaluation", "registration")}
    assert set(SECTIONS) == set(sections)
    assert read_params(json.dumps(sections)) == sections


@pytest.mark.parametrize("name", ["missing.json", "", "."])
def test_a_file_that_cannot_be_read_is_named(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    assert f"--params {name}".strip() in refusal(lambda: read_params(name)).message


def test_a_file_that_is_no_text_is_named(tmp_path):
    (tmp_path / "x.json").write_bytes(b"\xff\xfe\0")
    assert "x.json" in refusal(lambda: read_params(str(tmp_path / "x.json"))).message


@pytest.mark.parametrize(
    "text", ["{", "{training: 1}", '{"a": }', '{"training":' * 100_000], ids=["cut", "bare", "hole", "deep"]
)
def test_text_that_is_no_json_is_refused(text):
    assert "--params is not JSON" in refusal(lambda: read_params(text)).message


@pytest.mark.parametrize("text", ['{"training": 3}', '{"training": null}', '{"training": []}'])
def test_a_section_must_be_an_object(text):
    assert "object of sections" in refusal(lambda: read_params(text)).message


@pytest.mark.parametrize("text", ["[]", "3", "null"])
def test_the_whole_must_be_an_object(tmp_path, text):
    (tmp_path / "x.json").write_text(text)
    assert "object of sections" in refusal(lambda: read_params(str(tmp_path / "x.json"))).message


def test_an_unknown_section_is_an_error_with_a_suggestion():
    error = refusal(lambda: read_params('{"trainig": {}}'))
    assert "unknown section 'trainig'" in error.message
    assert error.hint == "Did you mean 'training'?"


# --- flags over sections --------------------------------------------------------------------------------------------


def test_flags_win_over_the_section_and_the_section_over_the_default():
    params = make_params(TrainParams, {"epochs": 5, "seed": 7}, epochs=9, patience=None)
    assert (params.epochs, params.seed, params.patience) == (9, 7, TrainParams().patience)


def test_a_flag_of_zero_is_given():
    assert make_params(TrainParams, {"seed": 7}, seed=0).seed == 0


def test_an_unknown_parameter_is_an_error_with_a_suggestion():
    error = refusal(lambda: make_params(TrainParams, {"epoch": 5}))
    assert error.message.startswith("parameter epoch: ")
    assert error.hint == "Did you mean 'epochs'?"


@pytest.mark.parametrize(
    ("name", "value"), [("epochs", 0), ("epochs", "many"), ("learning_rate", -1), ("seed", 2**31), ("seed", None)]
)
def test_a_value_that_does_not_fit_names_its_parameter(name, value):
    assert refusal(lambda: make_params(TrainParams, {name: value})).message.startswith(f"parameter {name}: ")


def test_the_gates_settings_are_checked_too():
    assert make_params(GatePolicy, {"min_accuracy": 0.8}).min_accuracy == 0.8
    assert "min_accuracy" in (refusal(lambda: make_params(GatePolicy, {"min_acuracy": 0.8})).hint or "")


def test_preprocessing_that_nobody_spoke_of_is_none():
    assert preprocess_params({}, None, None, None) is None
    assert preprocess_params({"training": {"epochs": 3}}, None, None, None) is None


def test_preprocessing_takes_section_and_flags():
    sections = {"preprocessing": {"image_size": 64, "fit": "crop"}}
    assert preprocess_params(sections, None, None, None) == PreprocessParams(image_size=64, fit="crop")
    assert preprocess_params(sections, 96, None, "2%") == PreprocessParams(image_size=96, fit="crop", max_bad=0.02)
    assert preprocess_params({}, None, "stretch", None) == PreprocessParams(fit="stretch")


@pytest.mark.parametrize(("size", "fit"), [(15, None), (1025, None), (None, "squeeze")])
def test_impossible_preprocessing_is_refused(size, fit):
    assert "parameter" in refusal(lambda: preprocess_params({}, size, fit, None)).message


# --- shares ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "share"), [("1%", 0.01), ("0.01", 0.01), ("0", 0), ("100%", 1), ("2.5%", 0.025), ("1", 1)]
)
def test_a_share_is_percent_or_a_fraction(text, share):
    assert parse_share(text, "--max-bad") == pytest.approx(share)


@pytest.mark.parametrize("text", ["", "%", "one", "101%", "1.5", "-1%", "nan", "inf", "1%%", "1e999"])
def test_what_is_no_share_names_its_option(text):
    assert "--max-bad" in refusal(lambda: parse_share(text, "--max-bad")).message


@given(st.text(max_size=6))
def test_any_text_is_a_share_or_an_error(text):
    with contextlib.suppress(UsageError):
        assert 0 <= parse_share(text, "--max-bad") <= 1


@pytest.mark.parametrize(
    ("said", "plain"),
    [
        ("Input should be a valid integer, unable to parse string as an integer", "must be a whole number"),
        ("Input should be less than or equal to 65535", "must be at most 65535"),
        ("Input should be greater than 0", "must be above 0"),
        ("Input should be 'a' or 'b'", "must be 'a' or 'b'"),
        ("Value error, two of them", "two of them"),
        ("anything else", "anything else"),
    ],
)
def test_what_a_library_says_of_a_value_becomes_plain(said, plain):
    assert in_plain_words(said) == plain
