"""What `doctor` says of a workspace: who signs in, the clock, reach, roles, storage, the cluster and its quota.

Source of quota and sizes: Azure REST reference, Machine Learning Services, "Usages - List" and "Virtual Machine Sizes -
List".
"""

from __future__ import annotations

import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any

from flowerops.domain.doctor import Diagnosis, diagnosis, from_error
from flowerops.domain.workspace import Permission, Usage, Wish, clock_diagnosis, quota_diagnosis, role_diagnosis
from flowerops.errors import FlowerOpsError
from flowerops.targets.azureml.client import AzureClient
from flowerops.targets.azureml.compute import SERVERLESS
from flowerops.targets.azureml.errors import translating
from flowerops.targets.azureml.management import permissions, server_date
from flowerops.targets.azureml.words import plain


def diagnose(client: AzureClient) -> list[Diagnosis]:
    """Ask Azure; whatever fails is a finding, and what depends on it is not asked."""
    found = [_tried("clock", _clock)]
    for check, look in (("credentials", _sign_in), ("workspace", _workspace)):
        found.append(_tried(check, partial(look, client)))
        if found[-1].finding.verdict == "problem":
            return found
    cluster = None if client.settings.compute == SERVERLESS else _cluster(client)
    exists = client.settings.compute == SERVERLESS or not isinstance(cluster, FlowerOpsError | None)
    found.append(_tried("roles", lambda: _roles(client, cluster_exists=exists)))
    found.append(_tried("storage", lambda: _storage(client)))
    found.append(_tried("compute", lambda: _compute(client, cluster)))
    if client.settings.compute != SERVERLESS:
        found.append(_tried("quota", lambda: _quota(client)))
    return found


def _tried(check: str, look: Callable[[], Diagnosis]) -> Diagnosis:
    try:
        return look()
    except FlowerOpsError as error:
        return from_error(check, error)


def _clock() -> Diagnosis:
    """The difference to the Date header of any answer, even a refusal, in the middle of the way there and back."""
    before = time.time()
    date = server_date()
    after = time.time()
    server = parsedate_to_datetime(date).timestamp() + 0.5  # the header has whole seconds
    return clock_diagnosis((before + after) / 2 - server)


def _sign_in(client: AzureClient) -> Diagnosis:
    client.sign_in()
    return diagnosis("credentials", "ok", f"signed in by {client.credential.way}", source=client.credential.way)


def _workspace(client: AzureClient) -> Diagnosis:
    found = client.workspace
    return diagnosis("workspace", "ok", f"{found.name} in {found.location}", location=str(found.location))


def _roles(client: AzureClient, *, cluster_exists: bool) -> Diagnosis:
    granted = [Permission(one.get("actions") or [], one.get("notActions") or []) for one in permissions(client)]
    return role_diagnosis(granted, cluster_exists=cluster_exists)


def _storage(client: AzureClient) -> Diagnosis:
    name = client.datastore
    container = client.container(name)
    with translating(f"read datastore {name}"):
        container.get_container_properties()
    return diagnosis("storage", "ok", f"datastore {name} can be read")


def _cluster(client: AzureClient) -> Any:
    """The cluster of the settings; None where there is none, the error where it cannot be asked for."""
    from azure.core.exceptions import ResourceNotFoundError

    try:
        with translating(f"look at compute {client.settings.compute}"):
            try:
                return client.ml.compute.get(client.settings.compute)
            except ResourceNotFoundError:
                return None
    except FlowerOpsError as error:
        return error


def _compute(client: AzureClient, cluster: Any) -> Diagnosis:
    settings = client.settings
    if isinstance(cluster, FlowerOpsError):
        raise cluster
    if settings.compute == SERVERLESS:
        return diagnosis("compute", "ok", "serverless: machines for each job, none in between")
    if cluster is None:
        found = f"{settings.compute} does not exist yet; the first job makes it ({settings.compute_size})"
        return diagnosis("compute", "note", found, "With --compute serverless no cluster is needed.")
    state = plain(cluster.provisioning_state)
    if state not in ("", "Succeeded"):
        to_do = "Look at it in Azure ML studio, or name another one with --compute."
        return diagnosis("compute", "problem", f"{settings.compute} is in the state {state}", to_do)
    least, most = int(cluster.min_instances or 0), int(cluster.max_instances or 0)
    found = f"{settings.compute}: {cluster.size}, {least} to {most} machines"
    if least:
        to_do = "az ml compute update --min-instances 0 lets idle machines go."
        return diagnosis("compute", "note", f"{found}; {least} of them cost money while nothing runs", to_do)
    return diagnosis("compute", "ok", found)


def _quota(client: AzureClient) -> Diagnosis:
    settings = client.settings
    with translating("read the quota"):
        sizes = {str(size.name).lower(): size for size in client.ml.compute.list_sizes()}
        usages = [_usage(usage) for usage in client.ml.compute.list_usage()]
    size = sizes.get(settings.compute_size.lower())
    if size is None:
        found = f"there is no machine of the size {settings.compute_size} in {client.workspace.location}"
        to_do = "Choose another with FLOWEROPS_COMPUTE_SIZE; az ml compute list-sizes lists them."
        return diagnosis("quota", "problem", found, to_do)
    wish = Wish(
        size=settings.compute_size,
        family=str(size.family),
        cores=int(_member(size, "v_cp_us", "vCPUs")),
        nodes=settings.compute_max_nodes,
        low_priority=settings.compute_priority == "low_priority",
    )
    return quota_diagnosis(usages, wish)


def _usage(usage: Any) -> Usage:
    name = usage.name if isinstance(usage.name, dict) else vars(usage.name)
    shown = name.get("localizedValue") or name.get("localized_value") or name.get("value")
    return Usage(str(shown), int(_member(usage, "current_value", "currentValue")), int(usage.limit or 0))


def _member(entity: Any, name: str, sent_as: str) -> Any:
    """A figure of an entity: the SDK files some members under the names that the service sends, some under its own."""
    members = vars(entity)
    return members.get(name) or members.get(sent_as) or 0
