"""Every setting with its value and where it comes from."""

from __future__ import annotations

import itertools
import os
from pathlib import Path
from typing import Any

import pytest

from flowerops.errors import UsageError
from flowerops.services.configuration import Sources, show_settings, variables_of
from flowerops.settings import Settings, load_settings

SOURCES = ("flag", "environment", ".env", "flowerops.toml")


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    ours = {variable for name in Settings.model_fields for variable in variables_of(name)}
    for name in os.environ:
        if name.upper() in ours:
            monkeypatch.delenv(name)


def shown(folder: Path, *names: str, **flags: Any) -> list[dict[str, Any]]:
    return show_settings(load_settings(flags, folder), Sources(flags, os.environ, folder), names)


@pytest.mark.parametrize("given", [some for n in range(5) for some in itertools.combinations(SOURCES, n)], ids=str)
@pytest.mark.parametrize(
    ("env", "dotenv"), list(itertools.product(("FLOWEROPS_COMPUTE", "AML_COMPUTE_CLUSTER_NAME"), repeat=2))
)
def test_the_origin_is_the_source_that_the_value_came_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: tuple[str, ...], env: str, dotenv: str
) -> None:
    if "environment" in given:
        monkeypatch.setenv(env, "environment")
    if ".env" in given:
        (tmp_path / ".env").write_text(f"{dotenv}=.env\n")
    if "flowerops.toml" in given:
        (tmp_path / "flowerops.toml").write_text("compute = 'flowerops.toml'\n")
    (line,) = shown(tmp_path, "compute", compute="flag" if "flag" in given else None)
    expected = next((source for source in SOURCES if source in given), "default")
    assert line["origin"] == expected
    assert line["value"] == (expected if given else "flowerops-cpu") == line["value"]
    assert line["given_as"] == {
        "flag": "--compute",
        "environment": env,
        ".env": dotenv,
        "flowerops.toml": "compute",
    }.get(expected)


def test_every_setting_is_listed_with_its_variables(tmp_path: Path) -> None:
    lines = shown(tmp_path)
    assert [line["name"] for line in lines] == list(Settings.model_fields)
    assert all(line["origin"] == "default" and line["value"] == line["default"] for line in lines)
    assert all(line["variables"][0] == f"FLOWEROPS_{line['name'].upper()}" for line in lines)


def test_an_empty_variable_is_no_origin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOWEROPS_DATASET", "")
    assert shown(tmp_path, "dataset")[0]["origin"] == "default"


def test_secrets_are_hidden(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOWEROPS_API_KEY", "tell-nobody")
    monkeypatch.setenv(
        "TEST_IMAGE_URLS", "https://a.example/1.jpg?sig=tell-nobody,https://me:tell-nobody@b.example/2.jpg"
    )
    lines = shown(tmp_path)
    assert "tell-nobody" not in str(lines)
    assert next(line["value"] for line in lines if line["name"] == "test_image_urls").startswith(
        "https://a.example/1.jpg"
    )


def test_a_setting_is_found_by_any_of_its_names(tmp_path: Path) -> None:
    assert [line["name"] for line in shown(tmp_path, "workspace_name", "AML_COMPUTE_CLUSTER_NAME", "api-key")] == [
        "workspace_name", "compute", "api_key",
    ]  # fmt: skip


def test_an_unknown_setting_is_an_error_with_a_suggestion(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        shown(tmp_path, "datset")
    assert caught.value.hint == "Did you mean 'dataset'?"
