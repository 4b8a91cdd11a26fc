"""What the subscription says of the caller's permissions, and of machine sizes and quota in a region.

Written after the REST reference (Authorization, "Permissions - List For Resource"; Machine Learning Services, "Usages -
List", "Virtual Machine Sizes - List"); there is no recording of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import Response

from azure_emulator.answers import Json, answer
from azure_emulator.names import PROVIDER
from azure_emulator.routing import Call, Route

if TYPE_CHECKING:
    from azure_emulator.cloud import Cloud

_WS = f"{PROVIDER}/workspaces"
DATA_SCIENTIST: Json = {
    "actions": [f"{_WS}/*/read", f"{_WS}/*/action", f"{_WS}/*/delete", f"{_WS}/*/write"],
    "notActions": [f"{_WS}/delete", f"{_WS}/write", f"{_WS}/computes/*/write", f"{_WS}/computes/*/delete"],
    "dataActions": [],
    "notDataActions": [],
}
COMPUTE_OPERATOR: Json = {"actions": [f"{_WS}/computes/*", f"{_WS}/notebooks/vm/*"], "notActions": []}
READER: Json = {"actions": ["*/read"], "notActions": []}
QUOTA = {
    "Total Cluster Dedicated Regional vCPUs": 100,
    "Total Cluster LowPriority Regional vCPUs": 100,
    "Standard DSv2 Family Cluster Dedicated vCPUs": 24,
    "Standard NCASv3_T4 Family Cluster Dedicated vCPUs": 0,
}
_SIZES = (("Standard_DS3_v2", "standardDSv2Family", 4, 0), ("Standard_NC4as_T4_v3", "Standard NCASv3_T4 Family", 4, 1))


def permissions(cloud: Cloud, call: Call) -> Response:
    return answer({"value": cloud.permissions})


def usages(cloud: Cloud, call: Call) -> Response:
    def usage(name: str, limit: int) -> Json:
        return {
            "id": f"{call.path}/{name}",
            "type": f"{PROVIDER}/usages",
            "unit": "Count",
            "currentValue": 0,
            "limit": limit,
            "name": {"value": name, "localizedValue": name},
        }

    return answer({"value": [usage(name, limit) for name, limit in cloud.quota.items()]})


def sizes(cloud: Cloud, call: Call) -> Response:
    def size(name: str, family: str, cores: int, gpus: int) -> Json:
        room = {"osVhdSizeMB": 1047552, "maxResourceVolumeMB": 28672, "memoryGB": 14.0}
        kinds = ["AmlCompute", "ComputeInstance"]
        return {
            "name": name,
            "family": family,
            "vCPUs": cores,
            "gpus": gpus,
            "lowPriorityCapable": True,
            "premiumIO": True,
            "supportedComputeTypes": kinds,
            **room,
        }

    return answer({"value": [size(*one) for one in _SIZES]})


_REGION = f"/subscriptions/{{subscription}}/providers/{PROVIDER}/locations/{{location}}"
ROUTES = [
    Route("GET", "{ws}/providers/Microsoft.Authorization/permissions", permissions),
    Route("GET", f"{_REGION}/usages", usages),
    Route("GET", f"{_REGION}/vmSizes", sizes),
]
