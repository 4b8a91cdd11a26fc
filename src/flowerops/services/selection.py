"""Which model version a person means."""

from __future__ import annotations

from flowerops.domain.names import Selector
from flowerops.errors import ConflictError
from flowerops.targets.protocol import ModelVersion, Target
from flowerops.targets.selecting import not_found


def find_model(target: Target, selector: Selector) -> ModelVersion:
    """A model version: the one named, else the champion, else the latest that is not archived.

    Raises:
        BadInputError: There is no such model or version; the hint has the nearest name.
    """
    versions = target.models.versions(selector.name)
    if versions and selector.version is None:
        in_use = (version for version in versions if not version.archived)
        return champion_of(versions) or next(in_use, versions[0])
    for found in versions:
        if found.version == selector.version:
            return found
    numbers = [found.version for found in versions]
    raise not_found("model", selector, numbers, lambda: set(target.models.names()) - {selector.name})


def champion_of(versions: list[ModelVersion]) -> ModelVersion | None:
    """The champion among a model's versions."""
    return next((version for version in versions if version.champion), None)


def refuse_archived(model: ModelVersion) -> None:
    """Refuse a version that was put away.

    Raises:
        ConflictError: It was.
    """
    if model.archived:
        raise ConflictError(f"{model} is archived", f"Bring it back first: flowerops models unarchive {model}")
