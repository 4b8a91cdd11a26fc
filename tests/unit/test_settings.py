from __future__ import annotations

import itertools
import os
from pathlib import Path

import pytest

from flowerops.errors import UsageError
from flowerops.settings import Settings, load_settings

PREDECESSORS = {
    "DATASET_NAME": "dataset",
    "MODEL_NAME": "model",
    "EXPERIMENT_NAME": "experiment",
    "ENDPOINT_NAME": "endpoint",
    "ACI_DEPLOYMENT_NAME": "endpoint",
    "TEST_IMAGE_URLS": "test_image_urls",
    "TEST_IMAGE_CLASSES": "test_image_classes",
    "SUBSCRIPTION_ID": "subscription_id",
    "RESOURCE_GROUP": "resource_group",
    "WORKSPACE_NAME": "workspace_name",
    "DATASTORE_NAME": "datastore_name",
    "AML_COMPUTE_CLUSTER_NAME": "compute",
}


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch):
    for name in list(os.environ):
        if name.upper().startswith("FLOWEROPS_") or name.upper() in PREDECESSORS:
            monkeypatch.delenv(name)


def write(folder: Path, dotenv: str | None = None, toml: str | None = None) -> Path:
    if dotenv is not None:
        (folder / ".env").write_text(dotenv, encoding="utf-8")
    if toml is not None:
        (folder / "flowerops.toml").write_text(toml, encoding="utf-8")
    return folder


def refusal(folder: Path) -> UsageError:
    with pytest.raises(UsageError) as caught:
        load_settings({}, folder)
    assert caught.value.exit_code == 2
    assert "\n" not in caught.value.message
    return caught.value


# --- precedence -----------------------------------------------------------------------------------------------------

SOURCES = ("flag", "env", "dotenv", "toml")


@pytest.mark.parametrize("given", [some for n in range(5) for some in itertools.combinations(SOURCES, n)], ids=str)
@pytest.mark.parametrize("name", ["FLOWEROPS_DATASET", "DATASET_NAME"])
def test_the_strongest_source_wins(tmp_path, monkeypatch, given, name):
    if "env" in given:
        monkeypatch.setenv(name, "env")
    write(tmp_path, f"{name}=dotenv" if "dotenv" in given else None, "dataset = 'toml'" if "toml" in given else None)
    flags = {"dataset": "flag" if "flag" in given else None, "home": None}
    expected = next((source for source in SOURCES if source in given), "flowers")
    assert load_settings(flags, tmp_path).dataset == expected


@pytest.mark.parametrize(
    ("strong", "weak"), [("FLOWEROPS_DATASET", "DATASET_NAME"), ("DATASET_NAME", "FLOWEROPS_DATASET")]
)
def test_the_environment_wins_over_dotenv_under_either_name(tmp_path, monkeypatch, strong, weak):
    monkeypatch.setenv(strong, "env")
    assert load_settings({}, write(tmp_path, f"{weak}=dotenv")).dataset == "env"


def test_our_own_name_wins_over_the_predecessors_in_one_source(tmp_path, monkeypatch):
    monkeypatch.setenv("FLOWEROPS_MODEL", "ours")
    monkeypatch.setenv("MODEL_NAME", "theirs")
    assert load_settings({}, tmp_path).model == "ours"


def test_every_field_has_its_default_where_nothing_is_said(tmp_path):
    settings = load_settings({}, tmp_path)
    assert settings == Settings(_env_file=None)
    assert (settings.target, settings.home, settings.port) == ("local", Path(".flowerops"), None)


def test_the_working_folder_is_where_the_files_are_looked_for(tmp_path, monkeypatch):
    monkeypatch.chdir(write(tmp_path, "FLOWEROPS_MODEL=there", "dataset = 'there'"))
    settings = load_settings({})
    assert (settings.model, settings.dataset) == ("there", "there")


def test_an_empty_variable_says_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("FLOWEROPS_PORT", "")
    monkeypatch.setenv("MODEL_NAME", "")
    settings = load_settings({}, write(tmp_path, "FLOWEROPS_DATASET=\n", "port = 9000\ndataset = 'toml'"))
    assert (settings.port, settings.model, settings.dataset) == (9000, "flower_classifier", "toml")


# --- names ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PREDECESSORS)
def test_the_predecessors_names_are_accepted(tmp_path, monkeypatch, name):
    field = PREDECESSORS[name]
    assert getattr(load_settings({}, write(tmp_path, f"{name}=in-dotenv")), field) == "in-dotenv"
    monkeypatch.setenv(name, "in-env")
    assert getattr(load_settings({}, tmp_path), field) == "in-env"


@pytest.mark.parametrize("field", Settings.model_fields)
def test_a_plain_variable_of_the_system_is_nobodys_setting(tmp_path, monkeypatch, field):
    """HOME, PORT or TARGET mean other things to other programs."""
    monkeypatch.delenv(field.upper(), raising=False)
    expected = getattr(load_settings({}, tmp_path), field)
    if field.upper() not in PREDECESSORS:
        for name in (field.upper(), field):
            monkeypatch.setenv(name, "9")
        assert getattr(load_settings({}, write(tmp_path, f"{field.upper()}=9")), field) == expected


def test_values_have_their_types(tmp_path, monkeypatch):
    monkeypatch.setenv("FLOWEROPS_PORT", "8080")
    monkeypatch.setenv("FLOWEROPS_FETCH_ALLOW_PRIVATE", "true")
    monkeypatch.setenv("FLOWEROPS_GATE", '{"min_accuracy": 0.8}')
    settings = load_settings({}, write(tmp_path, "FLOWEROPS_HOME=/data/home"))
    assert (settings.port, settings.fetch_allow_private, settings.home) == (8080, True, Path("/data/home"))
    assert settings.gate == {"min_accuracy": 0.8}
    assert load_settings({}, write(tmp_path, "", "[gate]\nmin_gain = 0.1")).gate == {"min_accuracy": 0.8}
    monkeypatch.delenv("FLOWEROPS_GATE")
    assert load_settings({}, tmp_path).gate == {"min_gain": 0.1}


# --- mistakes -------------------------------------------------------------------------------------------------------


def test_an_unknown_variable_is_an_error_with_a_suggestion(tmp_path, monkeypatch):
    monkeypatch.setenv("FLOWEROPS_DATSET", "x")
    error = refusal(tmp_path)
    assert "environment: unknown setting FLOWEROPS_DATSET" in error.message
    assert error.hint == "Did you mean FLOWEROPS_DATASET?"


def test_an_unknown_name_in_dotenv_is_an_error_with_a_suggestion(tmp_path):
    error = refusal(write(tmp_path, "OTHER_PROGRAM=1\nFLOWEROPS_EXPERIMNT=x"))
    assert f"{tmp_path / '.env'}: unknown setting FLOWEROPS_EXPERIMNT" in error.message
    assert error.hint == "Did you mean FLOWEROPS_EXPERIMENT?"


def test_an_unknown_key_in_the_config_file_is_an_error_with_a_suggestion(tmp_path):
    error = refusal(write(tmp_path, toml="datset = 'x'"))
    assert f"{tmp_path / 'flowerops.toml'}: unknown setting 'datset'" in error.message
    assert error.hint == "Did you mean dataset?"


def test_nothing_near_points_to_the_list(tmp_path):
    assert ".env.example" in (refusal(write(tmp_path, toml="zzzzzz = 1")).hint or "")


@pytest.mark.parametrize("name", ["FLOWEROPS_PORT__X", "FLOWEROPS_GATE__MIN_ACCURACY", "FLOWEROPS_"])
def test_a_variable_that_would_be_dropped_is_an_error(tmp_path, monkeypatch, name):
    monkeypatch.setenv(name, "1")
    assert name in refusal(tmp_path).message


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "abc"),
        ("PORT", "0"),
        ("PORT", "70000"),
        ("TARGET", "moon"),
        ("FETCH_ALLOW_PRIVATE", "perhaps"),
        ("GATE", "{"),
        ("GATE", "[1]"),
    ],
)
def test_a_value_that_does_not_fit_names_its_setting(tmp_path, monkeypatch, name, value):
    monkeypatch.setenv(f"FLOWEROPS_{name}", value)
    error = refusal(tmp_path)
    assert name in error.message.upper()
    assert error.hint
    monkeypatch.delenv(f"FLOWEROPS_{name}")
    assert name in refusal(write(tmp_path, f"FLOWEROPS_{name}='{value}'")).message.upper()


@pytest.mark.parametrize("toml", ["port = 'x'", "target = 'moon'", "gate = 3", "dataset = 5"])
def test_a_value_in_the_config_file_that_does_not_fit_names_its_setting(tmp_path, toml):
    assert toml.partition(" ")[0] in refusal(write(tmp_path, toml=toml)).message.lower()


@pytest.mark.parametrize("content", [b"port = ", b"\xff\xfe", b"[[[", b"a = 1\na = 2"])
def test_a_config_file_that_is_no_toml_is_named(tmp_path, content):
    (tmp_path / "flowerops.toml").write_bytes(content)
    assert str(tmp_path / "flowerops.toml") in refusal(tmp_path).message


def test_a_dotenv_that_is_no_text_is_named(tmp_path):
    (tmp_path / ".env").write_bytes(b"FLOWEROPS_MODEL=\xff\xfe\n")
    assert str(tmp_path / ".env") in refusal(tmp_path).message


# --- secrets --------------------------------------------------------------------------------------------------------


def test_the_key_is_known_but_never_shown(tmp_path, monkeypatch):
    monkeypatch.setenv("FLOWEROPS_API_KEY", "hunter2-secret")
    settings = load_settings({}, tmp_path)
    assert settings.api_key == "hunter2-secret"
    assert "hunter2" not in repr(settings) + str(settings)


def test_a_wrong_value_is_not_shown_either(tmp_path):
    with pytest.raises(UsageError) as caught:
        load_settings({}, write(tmp_path, toml="api_key = 123456789"))
    assert "123456789" not in caught.value.message
    assert "123456789" not in str(caught.value.__cause__)


def test_settings_never_change(tmp_path):
    with pytest.raises(ValueError, match="frozen"):
        load_settings({}, tmp_path).dataset = "other"  # type: ignore[misc]
