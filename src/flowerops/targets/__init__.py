"""Where the work happens; `open_target` is the only place that chooses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowerops.errors import UsageError

if TYPE_CHECKING:
    from flowerops.settings import Settings
    from flowerops.targets.protocol import Target


def open_target(settings: Settings) -> Target:
    """Open the target that the settings name.

    Raises:
        UsageError: It is not built yet, or its folder cannot be used.
    """
    if settings.target == "azureml":
        raise UsageError("target azureml is not built yet", "Use --target local.")
    from flowerops.targets.local.target import LocalTarget

    return LocalTarget(settings.home, settings.api_key)
