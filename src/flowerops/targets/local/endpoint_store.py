"""The folder of one endpoint: its state file, its locks and its logs."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from flowerops.domain.deployment import valid_endpoint_name
from flowerops.io.atomic import atomic_write
from flowerops.io.locks import exclusive
from flowerops.targets.local.endpoint_keys import KeyStore
from flowerops.targets.local.endpoint_state import EndpointState

STATE_FILE = "state.json"
_KEPT_LOGS = 10


class EndpointStore:
    """Reads and writes `<root>/<name>/`.

    Raises:
        UsageError: The name is not one for an endpoint.
    """

    def __init__(self, root: Path, name: str) -> None:
        self.name = valid_endpoint_name(name)
        self.folder = root.absolute() / name
        self.state_file = self.folder / STATE_FILE
        self.logs = self.folder / "logs"
        self.keys = KeyStore(self.folder)

    def exists(self) -> bool:
        """Whether anything was ever deployed here."""
        return self.state_file.is_file()

    def load(self) -> EndpointState:
        """The stored state; an empty one before the first deployment.

        Raises:
            StoreIntegrityError: The file is damaged.
        """
        if not self.exists():
            return EndpointState(name=self.name)
        return EndpointState.from_json(self.state_file.read_bytes(), str(self.state_file))

    def save(self, state: EndpointState) -> EndpointState:
        """Store the state in one step: readers, the front among them, see the old or the new one."""
        atomic_write(self.state_file, state.to_json())
        return state

    def changing(self) -> AbstractContextManager[None]:
        """Hold the state for a change."""
        return exclusive(self.folder / "state.lock", f"endpoint {self.name}")

    def deploying(self, timeout_s: float, waiting: Callable[[str], None]) -> AbstractContextManager[None]:
        """Hold off other deployments to this endpoint; `waiting` is told who is waited for."""
        return exclusive(self.folder / "deploy.lock", f"deploying to endpoint {self.name}", timeout_s, waiting)

    def new_log(self, state: EndpointState, what: str) -> Path:
        """A fresh log file's name, in the order of the starts; of the old ones the last few are kept."""
        used = {record.log for record in state.processes}
        for old in sorted(self.logs.glob("*.log"))[:-_KEPT_LOGS]:
            if str(old) not in used:
                for file in [old, *self.logs.glob(f"{old.name}.*")]:
                    file.unlink(missing_ok=True)
        return self.logs / f"{state.generation:05d}-{what}.log"


def endpoint_names(root: Path) -> list[str]:
    """The endpoints under a root, sorted."""
    return sorted(state.parent.name for state in root.glob(f"*/{STATE_FILE}"))
