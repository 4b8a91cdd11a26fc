"""Version numbers of assets: the service hands out none for folders that we name, so the next free one is taken."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flowerops.targets.azureml.errors import translating
from flowerops.targets.azureml.mirror import Place, place_of_uri

TRIES = 20
"""How often the next number is tried when somebody else was faster."""


def take_number(what: str, place: Place, create: Callable[[], Any]) -> bool:
    """Register a folder under a number; False where somebody else took that number meanwhile.

    Args:
        what: The asset with its number, for people.
        place: The folder.
        create: Asks the service; gives the SDK's asset.
    """
    from azure.ai.ml.exceptions import AssetPathException
    from azure.core.exceptions import HttpResponseError

    with translating(f"register {what}"):
        try:
            made = create()
        except AssetPathException:
            return False
        except HttpResponseError as error:
            if error.status_code == 409:
                return False
            raise
        # Two that put the same number at once may both hear yes.
        return place_of_uri(str(made.path)) == place
