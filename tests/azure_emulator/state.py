"""What the emulated workspace holds."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from azure_emulator.answers import Json
from azure_emulator.names import PROVIDER, WORKSPACE_PATH

if TYPE_CHECKING:
    from azure_emulator.runs import Run


def resource_id(key: str) -> str:
    return f"{WORKSPACE_PATH}/{key}"


def resource_type(key: str) -> str:
    return f"{PROVIDER}/workspaces/" + "/".join(key.split("/")[::2])


def key_of(identifier: str) -> str:
    """`data/flowers/versions/1` of a resource id, of `azureml:/subscriptions/…` or of an asset id of the data plane."""
    return identifier.split("/workspaces/", 1)[1].split("/", 1)[1].rstrip("/")


@dataclass
class State:
    """Resources by their path below the workspace (keys know no case), and runs by id. Hold `lock` to change them."""

    lock: threading.RLock = field(default_factory=threading.RLock)
    runs: dict[str, Run] = field(default_factory=dict)
    keys: dict[str, Json] = field(default_factory=dict)
    _resources: dict[str, Json] = field(default_factory=dict)

    def get(self, key: str) -> Json | None:
        return self._resources.get(key.lower())

    def put(self, key: str, resource: Json) -> None:
        with self.lock:
            self._resources[key.lower()] = resource

    def delete(self, key: str) -> list[str]:
        """Take a resource away with all below it; gives the keys that went."""
        prefix = key.lower()
        with self.lock:
            gone = [k for k in self._resources if k == prefix or k.startswith(prefix + "/")]
            for name in gone:
                del self._resources[name]
        return gone

    def below(self, prefix: str) -> Iterator[Json]:
        """The resources one level below `prefix`, in the order of their creation."""
        start = prefix.lower().rstrip("/") + "/"
        with self.lock:
            found = [r for k, r in self._resources.items() if k.startswith(start) and "/" not in k[len(start) :]]
        return iter(found)

    def all_keys(self, prefix: str) -> list[str]:
        with self.lock:
            return [key for key in self._resources if key.startswith(prefix.lower())]
