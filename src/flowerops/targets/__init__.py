"""Where the work happens; `open_target` is the only place that chooses."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flowerops.domain.progress import Progress
    from flowerops.settings import Settings
    from flowerops.targets.protocol import Target


def open_target(
    settings: Settings, progress: Progress | None = None, *, wait: bool = True, instances: int = 1
) -> Target:
    """Open the target that the settings name.

    Args:
        settings: All settings.
        progress: Told of uploads and downloads.
        wait: Whether commands wait for the jobs of a workspace.
        instances: Machines for the steps of a workspace that can use several.

    Raises:
        UsageError: Its folder cannot be used, or a setting that it needs is missing.
    """
    if settings.target == "azureml":
        from flowerops.targets.azureml.target import AzureTarget

        return AzureTarget(settings, progress, wait=wait, instances=instances)
    from flowerops.targets.local.target import LocalTarget

    return LocalTarget(settings.home, settings.api_key, progress)
