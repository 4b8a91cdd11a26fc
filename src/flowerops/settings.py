"""Settings, from the strongest to the weakest: flag, FLOWEROPS_* variable, `.env`, `flowerops.toml`, default.

The variable names of the predecessor (SUBSCRIPTION_ID, TEST_IMAGE_URLS …) are accepted beside the FLOWEROPS_ ones.
"""

from __future__ import annotations

import difflib
import os
import tomllib
from pathlib import Path
from typing import Any, Literal

from pydantic import AliasChoices, Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from flowerops.errors import UsageError, in_plain_words

PREFIX = "FLOWEROPS_"
CONFIG_FILE = "flowerops.toml"
DOTENV_FILE = ".env"
_IMAGES = "mcr.microsoft.com/azureml"
"""Where the base images of Azure ML are."""


def _names(field: str, *predecessors: str) -> AliasChoices:
    return AliasChoices(_key(field), *predecessors)


def _key(field: str) -> str:
    return PREFIX + field.upper()


class Settings(BaseSettings):
    """Every setting of flowerops; `.env.example` lists them for people."""

    model_config = SettingsConfigDict(
        env_file_encoding="utf-8", extra="ignore", frozen=True, env_ignore_empty=True, hide_input_in_errors=True
    )

    target: Literal["local", "azureml"] = Field("local", validation_alias=_names("target"))
    home: Path = Field(Path(".flowerops"), validation_alias=_names("home"))
    dataset: str = Field("flowers", validation_alias=_names("dataset", "DATASET_NAME"))
    model: str = Field("flower_classifier", validation_alias=_names("model", "MODEL_NAME"))
    experiment: str = Field("flower-training", validation_alias=_names("experiment", "EXPERIMENT_NAME"))
    endpoint: str = Field("flowers", validation_alias=_names("endpoint", "ENDPOINT_NAME", "ACI_DEPLOYMENT_NAME"))
    port: int | None = Field(None, ge=1, le=65535, validation_alias=_names("port"))
    test_image_urls: str = Field("", validation_alias=_names("test_image_urls", "TEST_IMAGE_URLS"))
    test_image_classes: str = Field("", validation_alias=_names("test_image_classes", "TEST_IMAGE_CLASSES"))
    fetch_allow_private: bool = Field(False, validation_alias=_names("fetch_allow_private"))
    api_key: str | None = Field(None, validation_alias=_names("api_key"), repr=False)
    build_id: str | None = Field(None, validation_alias=_names("build_id"))
    build_uri: str | None = Field(None, validation_alias=_names("build_uri"))
    gate: dict[str, Any] = Field(default_factory=dict, validation_alias=_names("gate"))
    drift: dict[str, Any] = Field(default_factory=dict, validation_alias=_names("drift"))
    subscription_id: str | None = Field(
        None, validation_alias=_names("subscription_id", "SUBSCRIPTION_ID", "AZUREML_ARM_SUBSCRIPTION")
    )
    resource_group: str | None = Field(
        None, validation_alias=_names("resource_group", "RESOURCE_GROUP", "AZUREML_ARM_RESOURCEGROUP")
    )
    workspace_name: str | None = Field(
        None, validation_alias=_names("workspace_name", "WORKSPACE_NAME", "AZUREML_ARM_WORKSPACE_NAME")
    )
    datastore_name: str | None = Field(None, validation_alias=_names("datastore_name", "DATASTORE_NAME"))
    compute: str = Field("flowerops-cpu", validation_alias=_names("compute", "AML_COMPUTE_CLUSTER_NAME"))
    compute_size: str = Field(
        "Standard_DS3_v2",
        validation_alias=_names("compute_size", "AML_COMPUTE_CLUSTER_SKU", "AML_COMPUTE_CLUSTER_CPU_SKU"),
    )
    compute_priority: Literal["dedicated", "low_priority"] = Field(
        "low_priority", validation_alias=_names("compute_priority", "AML_CLUSTER_PRIORITY")
    )
    compute_min_nodes: int = Field(
        0, ge=0, le=1000, validation_alias=_names("compute_min_nodes", "AML_CLUSTER_MIN_NODES")
    )
    compute_max_nodes: int = Field(
        2, ge=1, le=1000, validation_alias=_names("compute_max_nodes", "AML_CLUSTER_MAX_NODES")
    )
    compute_idle_seconds: int = Field(600, ge=0, validation_alias=_names("compute_idle_seconds"))
    shm_size: str = Field("2g", pattern=r"^[0-9]+[bkmg]$", validation_alias=_names("shm_size"))
    job_timeout_minutes: int | None = Field(None, ge=1, validation_alias=_names("job_timeout_minutes"))
    train_environment: str = Field("flowerops-train", validation_alias=_names("train_environment", "AML_ENV_NAME"))
    serve_environment: str = Field(
        "flowerops-serve", validation_alias=_names("serve_environment", "AML_ENV_SCORE_NAME")
    )
    train_image: str = Field(f"{_IMAGES}/openmpi4.1.0-ubuntu22.04:latest", validation_alias=_names("train_image"))
    train_gpu_image: str = Field(
        f"{_IMAGES}/openmpi4.1.0-cuda11.8-cudnn8-ubuntu22.04:latest", validation_alias=_names("train_gpu_image")
    )
    serve_image: str = Field(f"{_IMAGES}/minimal-py311-inference:latest", validation_alias=_names("serve_image"))
    rebuild_environment: bool = Field(False, validation_alias=_names("rebuild_environment", "AML_REBUILD_ENVIRONMENT"))
    instance_type: str = Field("Standard_DS3_v2", validation_alias=_names("instance_type"))
    instance_count: int = Field(1, ge=1, le=100, validation_alias=_names("instance_count"))
    endpoint_auth: Literal["key", "aad_token"] = Field("key", validation_alias=_names("endpoint_auth"))
    endpoint_workers: int = Field(2, ge=1, le=64, validation_alias=_names("endpoint_workers"))
    endpoint_timeout_s: float = Field(30.0, ge=1, le=180, validation_alias=_names("endpoint_timeout_s"))
    serve_python: Path = Field(Path(".venv-serve/bin/python"), validation_alias=_names("serve_python"))

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Order the sources: flags, environment, `.env`, then `flowerops.toml` (which `load_settings` puts last)."""
        return init_settings, env_settings, dotenv_settings, file_secret_settings


def load_settings(flags: dict[str, Any], folder: Path | None = None) -> Settings:
    """Read all sources.

    Args:
        flags: Values from the command line by field name; None means "not given".
        folder: Where `flowerops.toml` and `.env` are looked for; the working folder when None.

    Raises:
        UsageError: An unknown key, or a value that does not fit; the message names the key.
    """
    base = folder or Path()
    config = read_config(base / CONFIG_FILE)
    dotenv = base / DOTENV_FILE
    given = {_key(name): value for name, value in flags.items() if value is not None}
    try:
        _refuse_unknown_variables(dotenv)
        found = Settings(_env_file=dotenv, **given)  # type: ignore[call-arg]
        weaker = {_key(name): value for name, value in config.items() if name not in found.model_fields_set}
        return Settings(_env_file=dotenv, **{**weaker, **given}) if weaker else found  # type: ignore[call-arg]
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise UsageError(
            f"setting {field}: {in_plain_words(first['msg'])}", "See .env.example for every setting."
        ) from error
    except SettingsError as error:  # a value that must be JSON and is not; pydantic-settings names field and source
        raise UsageError(f"settings: {error}", "Its value must be JSON; see .env.example.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{dotenv}: {error}", "Mend the file.") from error
    except RecursionError as error:
        raise UsageError("settings: a value is nested without end", "See .env.example for every setting.") from error


def read_config(path: Path) -> dict[str, Any]:
    """What a `flowerops.toml` says, by field name; nothing where there is no such file.

    Raises:
        UsageError: It cannot be read, or has an unknown key.
    """
    try:
        config = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise UsageError(f"{path}: {error}", "Mend the file.") from error
    for key in config:
        if key not in Settings.model_fields:
            raise UsageError(f"{path}: unknown setting {key!r}", _nearest(key, list(Settings.model_fields)))
    return config


def _refuse_unknown_variables(dotenv: Path) -> None:
    known = [_key(name) for name in Settings.model_fields]
    names = [(name, "environment") for name in os.environ]
    names += [(name, str(dotenv)) for name in DotEnvSettingsSource(Settings, env_file=dotenv).env_vars]
    for name, where in names:
        upper = name.upper()
        if upper.startswith(PREFIX) and upper not in known:
            raise UsageError(f"{where}: unknown setting {upper}", _nearest(upper, known))


def _nearest(wrong: str, known: list[str]) -> str:
    near = difflib.get_close_matches(wrong, known, n=1, cutoff=0.5)
    return f"Did you mean {near[0]}?" if near else "See .env.example for every setting."
