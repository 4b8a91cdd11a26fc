"""The one subscription, workspace and storage account of the emulator, under the host names Azure gives them."""

from __future__ import annotations

import base64

SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"
GROUP = "rg-flowers"
WORKSPACE = "ws-flowers"
REGION = "westeurope"
TENANT = "22222222-3333-4444-5555-666666666666"
CLIENT = "33333333-4444-5555-6666-777777777777"
CLIENT_SECRET = "emulated-client-secret"
WORKSPACE_ID = "11111111-2222-3333-4444-555555555555"
MSI_SECRET = "emulated-managed-identity"
PROVIDER = "Microsoft.MachineLearningServices"
WORKSPACE_PATH = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}/providers/{PROVIDER}/workspaces/{WORKSPACE}"

ACCOUNT = "flowerstore"
ACCOUNT_KEY = base64.b64encode(b"an emulated storage account has a key of sixty-four bytes, too!!").decode()
DEFAULT_DATASTORE = "workspaceblobstore"
ARTIFACT_DATASTORE = "workspaceartifactstore"
CONTAINERS = {DEFAULT_DATASTORE: f"azureml-blobstore-{WORKSPACE_ID}", ARTIFACT_DATASTORE: "azureml"}

MANAGEMENT_HOST = "management.azure.com"
LOGIN_HOST = "login.microsoftonline.com"
API_HOST = f"{REGION}.api.azureml.ms"
EXPERIMENTS_HOST = f"{REGION}.experiments.azureml.net"
BLOB_HOST = f"{ACCOUNT}.blob.core.windows.net"
SCORING_DOMAIN = f"{REGION}.inference.ml.azure.com"

# Where the proxy leads each host name; it refuses every other one.
APP_HOSTS = (
    MANAGEMENT_HOST,
    LOGIN_HOST,
    "*.api.azureml.ms",
    "*.experiments.azureml.net",
    "*.modelmanagement.azureml.net",
    "*.aether.ms",
    f"*.{SCORING_DOMAIN}",  # a wildcard of a certificate stands for one label
)
BLOB_HOSTS = ("*.blob.core.windows.net",)


def datastore_uri(datastore: str, path: str) -> str:
    """The long form in which the service answers a path of a datastore."""
    return (
        f"azureml://subscriptions/{SUBSCRIPTION}/resourcegroups/{GROUP}/workspaces/{WORKSPACE}"
        f"/datastores/{datastore}/paths/{path}"
    )
