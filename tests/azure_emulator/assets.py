"""Versions of data, models, environments, components and code, and the containers that hold them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import Response

from azure_emulator import asset_forms
from azure_emulator.answers import Json, RefusalError, answer, now, system_data
from azure_emulator.names import BLOB_HOST
from azure_emulator.routing import Call, Handler, Route
from azure_emulator.state import key_of, resource_id, resource_type
from azure_emulator.workspace import STORAGE

if TYPE_CHECKING:
    from azure_emulator.cloud import Cloud

KINDS = ("data", "models", "environments", "components", "codes")
_SINGULAR = {
    "data": "Data",
    "models": "Model",
    "environments": "Environment",
    "components": "Component",
    "codes": "Code",
}
# The SDK knows this text by heart and turns it into an AssetPathException. Azure documents no number for it;
# a UserError of the front end is a 400.
_PATH_CHANGED = "Asset paths cannot be updated."


def put_version(cloud: Cloud, call: Call) -> Response:
    """The same content, or only other tags and words, is accepted again; other content is refused."""
    kind, name, version = (call.values[part] for part in ("kind", "name", "version"))
    form = asset_forms.FORMS[kind](cloud, call.properties)
    with cloud.state.lock:
        old = cloud.state.get(f"{kind}/{name}/versions/{version}")
        if old and asset_forms.content(kind, old["properties"]) != asset_forms.content(kind, form):
            raise _changed(kind, name, version)
        stored = store(cloud, kind, name, version, form)
    if old:
        return answer(stored)
    return answer(stored, 201, {"location": call.location})


def _changed(kind: str, name: str, version: str) -> RefusalError:
    if kind in ("data", "models", "codes"):
        return RefusalError(400, "AssetPathImmutable", _PATH_CHANGED, _PATH_CHANGED)
    text = f"{_SINGULAR[kind]} {name}:{version} already exists with another definition; a version cannot be changed."
    return RefusalError(400, f"{_SINGULAR[kind]}VersionImmutable", text)


def store(cloud: Cloud, kind: str, name: str, version: str, form: Json) -> Json:
    key = f"{kind}/{name}/versions/{version}"
    resource = {
        "id": resource_id(key),
        "name": version,
        "type": resource_type(key),
        "properties": form,
        "systemData": system_data(cloud.state.get(key), modified_type=kind != "data"),
    }
    cloud.state.put(key, resource)
    return resource


def next_version(cloud: Cloud, kind: str, name: str) -> str:
    numbers = [int(v["name"]) for v in cloud.state.below(f"{kind}/{name}/versions") if v["name"].isdigit()]
    return str(max(numbers, default=0) + 1)


def get_version(cloud: Cloud, call: Call) -> Response:
    kind, name, version = (call.values[part] for part in ("kind", "name", "version"))
    found = cloud.state.get(f"{kind}/{name}/versions/{version}")
    if found is None:
        what = _SINGULAR[kind]
        raise RefusalError(404, f"{what}VersionNotFound", f"{what} version {name}:{version} (name:version) not found.")
    return answer(found)


def _versions(cloud: Cloud, kind: str, name: str) -> list[Json]:
    found = list(cloud.state.below(f"{kind}/{name}/versions"))
    return sorted(found, key=lambda resource: str(resource["systemData"]["createdAt"]), reverse=True)


def list_versions(cloud: Cloud, call: Call) -> Response:
    """Newest first. Code is looked for by its hash, whatever container was asked for."""
    kind, name = call.values["kind"], call.values["name"]
    if kind == "codes" and call.query.get("hash"):
        return answer({"value": _codes_with(cloud, call.query["hash"])})
    found = _versions(cloud, kind, name)
    if not found and kind != "codes":
        raise _no_container(kind, name)
    shown = [version for version in found if _shown(call, version)]
    top = call.query.get("$top")
    return answer({"value": shown[: int(top)] if top else shown})


def _codes_with(cloud: Cloud, digest: str) -> list[Json]:
    codes = [cloud.state.get(key) for key in cloud.state.all_keys("codes/")]
    return [code for code in codes if code and code["properties"]["properties"].get("hash_sha256") == digest]


def _no_container(kind: str, name: str) -> RefusalError:
    what = _SINGULAR[kind]
    return RefusalError(404, f"{what}NotFound", f"{what} container with name: {name} not found.")


def _shown(call: Call, resource: Json) -> bool:
    archived = bool(resource["properties"]["isArchived"])
    return {"ActiveOnly": not archived, "ArchivedOnly": archived}.get(
        call.query.get("listViewType", "ActiveOnly"), True
    )


def _container(cloud: Cloud, kind: str, name: str, *, listed: bool = False) -> Json:
    versions = _versions(cloud, kind, name)
    if not versions:
        raise _no_container(kind, name)
    active = [version for version in versions if not version["properties"]["isArchived"]]
    plain = None if kind == "data" else {}
    properties = {
        "description": "" if kind == "environments" else None,
        "tags": plain,
        "properties": plain,
        "isArchived": not active,
        "latestVersion": active[0]["name"] if active else None,
        "nextVersion": next_version(cloud, kind, name),
    }
    if kind == "data":
        properties["dataType"] = versions[0]["properties"]["dataType"]
        if listed:
            # In a list, and only there, the service gives a time stamp.
            properties["nextVersion"] = now().strftime("%Y-%m-%d-%H-%M-%S-%f")
    else:
        properties["provisioningState"] = "Succeeded"
    key = f"{kind}/{name}"
    oldest = versions[-1]["systemData"]
    system = {**versions[0]["systemData"], "createdAt": oldest["createdAt"]}
    return {
        "id": resource_id(key),
        "name": name,
        "type": resource_type(key),
        "properties": properties,
        "systemData": system,
    }


def get_container(cloud: Cloud, call: Call) -> Response:
    return answer(_container(cloud, call.values["kind"], call.values["name"]))


def put_container(cloud: Cloud, call: Call) -> Response:
    """Archives or restores all versions."""
    kind, name = call.values["kind"], call.values["name"]
    for version in _versions(cloud, kind, name):
        version["properties"]["isArchived"] = bool(call.properties.get("isArchived"))
    return answer(_container(cloud, kind, name))


def list_containers(cloud: Cloud, call: Call) -> Response:
    kind = call.values["kind"]
    versions = [cloud.state.get(key) or {} for key in cloud.state.all_keys(f"{kind}/")]
    names = dict.fromkeys(key_of(version["id"]).split("/")[1] for version in versions)
    found = [_container(cloud, kind, name, listed=True) for name in names]
    return answer({"value": [container for container in found if _shown(call, container)]})


def start_upload(cloud: Cloud, call: Call) -> Response:
    container = cloud.blobs.new_upload_container()
    signature = cloud.blobs.container_signature(container)
    return answer(
        {
            "blobReferenceForConsumption": {
                "blobUri": f"https://{BLOB_HOST}:443/{container}",
                "storageAccountArmId": STORAGE,
                "credential": {"credentialType": "SAS", "sasUri": f"https://{BLOB_HOST}/{container}?{signature}"},
            },
            "pendingUploadId": container[-26:],
            "pendingUploadType": "None",
        }
    )


def _routes(kind: str) -> list[Route]:
    def of_kind(handler: Handler) -> Handler:
        def handle(cloud: Cloud, call: Call) -> Response:
            call.values["kind"] = kind
            return handler(cloud, call)

        return handle

    place = f"{{ws}}/{kind}"
    return [
        Route("GET", place, of_kind(list_containers)),
        Route("GET", place + "/{name}", of_kind(get_container)),
        Route("PUT", place + "/{name}", of_kind(put_container)),
        Route("GET", place + "/{name}/versions", of_kind(list_versions)),
        Route("GET", place + "/{name}/versions/{version}", of_kind(get_version)),
        Route("PUT", place + "/{name}/versions/{version}", of_kind(put_version)),
        Route("POST", place + "/{name}/versions/{version}/startPendingUpload", of_kind(start_upload)),
    ]


ROUTES = [route for kind in KINDS for route in _routes(kind)]
