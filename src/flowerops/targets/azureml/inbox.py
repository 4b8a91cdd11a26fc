"""Folders of photos in the workspace: how people name them, and how jobs and endpoints do."""

from __future__ import annotations

import re

from flowerops.errors import BadInputError, UsageError
from flowerops.targets.azureml.client import AzureClient
from flowerops.targets.azureml.errors import translating
from flowerops.targets.azureml.mirror import Mirror, Place, place_of_uri

PHOTOS = "photos"
"""The datastore's folder for new photos, and the retraining pipeline's input."""
_ASSET = re.compile(r"azureml:([^:/]+):(\d+)")


def photos_uri(client: AzureClient, mirror: Mirror, data: str | None) -> str:
    """The short address of a folder with files.

    Args:
        client: Knows data assets, and which datastore is ours.
        mirror: Knows what lies in it.
        data: An address, or `azureml:NAME:VERSION` of a data asset; None for the folder for new photos.

    Raises:
        UsageError: It is no address of a datastore or a data asset.
        BadInputError: There are no files.
    """
    place = place_of_uri(_asset_path(client, data)) if data else Place(client.datastore, PHOTOS)
    if place is None:
        raise UsageError(
            f"{data!r} is no folder of the workspace",
            "Write azureml://datastores/NAME/paths/FOLDER, or azureml:NAME:VERSION for a data asset.",
        )
    if not mirror.blobs(place.datastore).sizes(place.path):
        raise BadInputError(
            f"there are no files in {place.uri}", "Put one sub-folder a class there, or name another with --data."
        )
    return place.uri


def long_uri(client: AzureClient, uri: str) -> str:
    """The form that a batch endpoint takes. Source: Azure ML, "Create jobs and input data for batch endpoints"."""
    workspace = (
        f"subscriptions/{client.subscription_id}/resourcegroups/{client.resource_group}"
        f"/workspaces/{client.workspace_name}"
    )
    return uri.replace("azureml://", f"azureml://{workspace}/", 1)


def _asset_path(client: AzureClient, data: str) -> str:
    asset = _ASSET.fullmatch(data)
    if asset is None:
        return data
    with translating(f"look at {data}"):
        return str(client.ml.data.get(asset[1], version=asset[2]).path)
