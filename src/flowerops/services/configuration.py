"""config: every setting with its value and where it comes from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import AliasChoices, TypeAdapter
from pydantic_settings import DotEnvSettingsSource

from flowerops.domain.names import did_you_mean
from flowerops.domain.redaction import HIDDEN, redact
from flowerops.errors import UsageError
from flowerops.settings import CONFIG_FILE, DOTENV_FILE, PREFIX, Settings, read_config

_SECRETS = frozenset({"api_key"})
DEFAULT = "default"


@dataclass(frozen=True)
class Sources:
    """Where settings can come from, from the strongest to the weakest.

    flags: by field name, None where nothing was given. env: variables of the process. folder: of `.env` and
    `flowerops.toml`.
    """

    flags: Mapping[str, Any]
    env: Mapping[str, str]
    folder: Path


def show_settings(settings: Settings, sources: Sources, names: Iterable[str] = ()) -> list[dict[str, Any]]:
    """Name, value, default, origin and variables of each setting; secrets are hidden.

    Args:
        settings: What `load_settings` made of the same sources.
        sources: The sources.
        names: Only these settings: names of fields, or of variables.

    Raises:
        UsageError: There is no such setting; the hint has the nearest name.
    """
    chosen = [_field_of(name) for name in names] or list(Settings.model_fields)
    origins = _origins(sources)
    return [_line(settings, name, origins[name]) for name in chosen]


def variables_of(name: str) -> list[str]:
    """The variables that a setting is read from, the predecessor's after our own."""
    alias = Settings.model_fields[name].validation_alias
    return [str(choice) for choice in alias.choices] if isinstance(alias, AliasChoices) else [PREFIX + name.upper()]


def _field_of(name: str) -> str:
    by_name = {variable.lower(): field for field in Settings.model_fields for variable in (field, *variables_of(field))}
    found = by_name.get(name.lower().replace("-", "_"))
    if found is None:
        raise UsageError(f"there is no setting {name!r}", did_you_mean(name.lower(), Settings.model_fields))
    return found


def _line(settings: Settings, name: str, origin: tuple[str, str | None]) -> dict[str, Any]:
    source, given_as = origin
    return {
        "name": name,
        "value": _shown(name, getattr(settings, name)),
        "default": _shown(name, Settings.model_fields[name].get_default(call_default_factory=True)),
        "origin": source,
        "given_as": given_as,
        "variables": variables_of(name),
    }


def _shown(name: str, value: Any) -> Any:
    if name in _SECRETS and value is not None:
        return HIDDEN
    plain = TypeAdapter(Any).dump_python(value, mode="json")
    return redact(plain) if isinstance(plain, str) else plain


def _origins(sources: Sources) -> dict[str, tuple[str, str | None]]:
    """For each setting the strongest source that says something of it, and under which name."""
    dotenv = DotEnvSettingsSource(Settings, env_file=sources.folder / DOTENV_FILE).env_vars
    layers = [
        ("environment", _said(sources.env)),
        (DOTENV_FILE, _said(dotenv)),
    ]
    config = read_config(sources.folder / CONFIG_FILE)
    found: dict[str, tuple[str, str | None]] = {}
    for name in Settings.model_fields:
        found[name] = (CONFIG_FILE, name) if name in config else (DEFAULT, None)
        for source, said in reversed(layers):
            given = next((variable for variable in variables_of(name) if variable.upper() in said), None)
            found[name] = (source, given) if given else found[name]
        if sources.flags.get(name) is not None:
            found[name] = ("flag", f"--{name}")
    return found


def _said(variables: Mapping[str, str | None]) -> set[str]:
    """The names of variables that are not empty, in capitals."""
    return {name.upper() for name, value in variables.items() if value}
