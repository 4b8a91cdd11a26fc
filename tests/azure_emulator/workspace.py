"""The workspace itself, the addresses of its data plane, and its datastores."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from azure_emulator.answers import PERSON, Json, RefusalError, answer, iso, now, system_data
from azure_emulator.names import (
    ACCOUNT,
    ACCOUNT_KEY,
    API_HOST,
    CLIENT,
    DEFAULT_DATASTORE,
    EXPERIMENTS_HOST,
    GROUP,
    REGION,
    SUBSCRIPTION,
    TENANT,
    WORKSPACE,
    WORKSPACE_ID,
    WORKSPACE_PATH,
)
from azure_emulator.routing import Call, Route
from azure_emulator.state import resource_id, resource_type

if TYPE_CHECKING:
    from azure_emulator.cloud import Cloud

_GROUP_PATH = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}"
STORAGE = f"{_GROUP_PATH}/providers/Microsoft.Storage/storageAccounts/{ACCOUNT}"
_MADE = now().strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def get(cloud: Cloud, call: Call) -> Response:
    return answer(
        {
            "id": WORKSPACE_PATH,
            "name": WORKSPACE,
            "type": "Microsoft.MachineLearningServices/workspaces",
            "location": REGION,
            "tags": {},
            "etag": None,
            "properties": _properties(),
            "identity": {"type": "SystemAssigned", "principalId": CLIENT, "tenantId": TENANT},
            "kind": "Default",
            "sku": {"name": "Basic", "tier": "Basic"},
            "systemData": system_data() | {"createdAt": _MADE, "lastModifiedAt": _MADE},
        }
    )


def _properties() -> Json:
    network = {"isolationMode": "Disabled", "enableNetworkMonitor": False, "enableFirewallLog": False}
    notebooks = f"ml-{WORKSPACE}-{REGION}-{WORKSPACE_ID}.{REGION}.notebooks.azure.net"
    return {
        "friendlyName": WORKSPACE,
        "description": "",
        "storageAccount": STORAGE,
        "keyVault": f"{_GROUP_PATH}/providers/Microsoft.Keyvault/vaults/kv-flowers",
        "applicationInsights": f"{_GROUP_PATH}/providers/Microsoft.insights/components/ai-flowers",
        "hbiWorkspace": False,
        "tenantId": TENANT,
        "imageBuildCompute": None,
        "provisioningState": "Succeeded",
        "managedNetwork": {
            "changeableIsolationModes": ["AllowInternetOutbound", "AllowOnlyApprovedOutbound"],
            **network,
        },
        "allowRoleAssignmentOnRG": True,
        "v1LegacyMode": False,
        "softDeleteEnabled": False,
        "containerRegistry": f"{_GROUP_PATH}/providers/Microsoft.ContainerRegistry/registries/crflowers",
        "creationTime": _MADE,
        "notebookInfo": {
            "resourceId": WORKSPACE_ID.replace("-", ""),
            "fqdn": notebooks,
            "isPrivateLinkEnabled": False,
            "notebookPreparationError": None,
        },
        "storageHnsEnabled": False,
        "workspaceId": WORKSPACE_ID,
        "linkedModelInventoryArmId": None,
        "privateLinkCount": 0,
        "publicNetworkAccess": "Enabled",
        "ipAllowlist": [],
        "networkAcls": {"defaultAction": "Allow", "bypass": "", "ipRules": [], "resourceAccessRules": []},
        "discoveryUrl": f"https://{API_HOST}/discovery",
        "mlFlowTrackingUri": f"azureml://{API_HOST}/mlflow/v1.0{WORKSPACE_PATH}",
        "serverlessComputeSettings": None,
        "EnableSoftwareBillOfMaterials": False,
        "sdkTelemetryAppInsightsKey": WORKSPACE_ID,
        "enableDataIsolation": False,
        "systemDatastoresAuthMode": "accesskey",
        "enableServiceSideCMKEncryption": False,
    }


def discovery(cloud: Cloud, call: Call) -> Response:
    addresses = dict.fromkeys(("experimentation", "history", "hyperdrive", "labeling"), f"https://{EXPERIMENTS_HOST}")
    return answer(
        {
            "api": f"https://{API_HOST}",
            "catalog": "https://catalog.cortanaanalytics.com",
            **addresses,
            "modelmanagement": f"https://{REGION}.modelmanagement.azureml.net",
            "pipelines": f"https://{REGION}.aether.ms",
            "studio": "https://ml.azure.com",
        }
    )


def _datastore(name: str, container: str) -> Json:
    return {
        "id": resource_id(f"datastores/{name}"),
        "name": name,
        "type": resource_type(f"datastores/{name}"),
        "properties": {
            "description": None,
            "tags": None,
            "properties": None,
            "isDefault": name == DEFAULT_DATASTORE,
            "credentials": {"credentialsType": "AccountKey"},
            "subscriptionId": SUBSCRIPTION,
            "resourceGroup": GROUP,
            "datastoreType": "AzureBlob",
            "accountName": ACCOUNT,
            "containerName": container,
            "endpoint": "core.windows.net",
            "protocol": "https",
            "serviceDataAccessAuthIdentity": "WorkspaceSystemAssignedIdentity",
        },
        "systemData": {
            "createdAt": iso(),
            "lastModifiedAt": iso(),
            "lastModifiedBy": PERSON,
            "lastModifiedByType": "Application",
        },
    }


def _container(cloud: Cloud, name: str) -> str:
    container = cloud.blobs.containers.get(name)
    if container is None:
        raise RefusalError(404, "DatastoreNotFound", f"Could not find datastore: {name}")
    return container


def get_datastore(cloud: Cloud, call: Call) -> Response:
    name = call.values["name"]
    return answer(_datastore(name, _container(cloud, name)))


def list_datastores(cloud: Cloud, call: Call) -> Response:
    found: list[Any] = [_datastore(name, container) for name, container in cloud.blobs.containers.items()]
    if call.query.get("isDefault", "").lower() == "true":
        found = [item for item in found if item["properties"]["isDefault"]]
    return answer({"value": found})


def put_datastore(cloud: Cloud, call: Call) -> Response:
    """Further datastores are containers of the same storage account."""
    name, sent = call.values["name"], call.properties
    cloud.blobs.make_container(sent["containerName"])
    cloud.blobs.containers[name] = sent["containerName"]
    return answer(_datastore(name, sent["containerName"]), 201, {"location": call.location})


def list_secrets(cloud: Cloud, call: Call) -> Response:
    """The SDK asks for a signature that expires; who sends no body gets the account's key."""
    _container(cloud, call.values["name"])
    if not call.body.get("expirableSecret"):
        return answer({"secretsType": "AccountKey", "key": ACCOUNT_KEY})
    hours = float(call.body.get("expireAfterHours") or 1)
    return answer({"secretsType": "Sas", "sasToken": "?" + cloud.blobs.account_signature(hours)})


ROUTES = [
    Route("GET", "{ws}", get),
    Route("GET", "/discovery", discovery),
    Route("GET", "{ws}/datastores", list_datastores),
    Route("GET", "{ws}/datastores/{name}", get_datastore),
    Route("PUT", "{ws}/datastores/{name}", put_datastore),
    Route("POST", "{ws}/datastores/{name}/listSecrets", list_secrets),
]
