"""Endpoints on this machine as they are: what runs and what was logged, stop and go on, keys."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from flowerops.domain.deployment import Deployment, Endpoint, serves_nothing
from flowerops.domain.names import did_you_mean
from flowerops.domain.progress import Progress, SilentProgress
from flowerops.errors import BadInputError
from flowerops.io.discard import discard
from flowerops.targets.local.endpoint_logs import RequestCount, follow, last_lines
from flowerops.targets.local.endpoint_state import EndpointState, LocalDeployment
from flowerops.targets.local.endpoint_store import EndpointStore, endpoint_names
from flowerops.targets.local.launch import Launcher, is_ready
from flowerops.targets.local.observe import observe
from flowerops.targets.local.ports import check_port
from flowerops.targets.local.processes import is_alive
from flowerops.targets.local.traffic import Traffic
from flowerops.targets.protocol import Probe

READY_S = 2.0
"""How long a server that runs may take to say that it is ready."""


class EndpointUpkeep:
    """Endpoints under one folder.

    Args:
        root: The folder of all endpoints.
        api_key: When given, deploys make it the endpoint's key.
        ready_timeout_s: How long a server may take to load its model.
        grace_s: How long a server may take to finish its requests before it is killed.
        progress: Told of waiting.
    """

    def __init__(
        self,
        root: Path,
        api_key: str | None = None,
        ready_timeout_s: float = 60.0,
        grace_s: float = 20.0,
        progress: Progress | None = None,
    ) -> None:
        self._root = root
        self._api_key = api_key
        self._launcher = Launcher(ready_timeout_s, grace_s)
        self._traffic = Traffic(self._launcher)
        self._grace_s = grace_s
        self._progress = progress or SilentProgress()

    def all(self) -> list[Endpoint]:
        """Every endpoint as it is right now, by name."""
        return [observe(EndpointStore(self._root, name)) for name in endpoint_names(self._root)]

    def find(self, endpoint: str) -> Endpoint:
        """One endpoint as it is right now.

        Raises:
            BadInputError: There is none of that name.
        """
        return observe(self._existing(endpoint))

    def probe(self, endpoint: str, deployment: Deployment | None = None) -> Probe:
        """How to reach the endpoint, or one of its deployments by its own port.

        Raises:
            BadInputError: There is no such endpoint.
            RemoteError: Nothing serves there.
        """
        keys = EndpointStore(self._root, endpoint).keys
        key = keys.load().key if keys.path.exists() else self._api_key
        if isinstance(deployment, LocalDeployment):
            return Probe(deployment.url, key=key)
        found = self.find(endpoint)
        if found.url is None or found.status == "stopped":
            raise serves_nothing(endpoint)
        return Probe(found.url, key=key)

    def key(self, endpoint: str) -> str | None:
        """The key that clients need, or None."""
        return self._existing(endpoint).keys.load().key

    def rotate_key(self, endpoint: str, *, keep_former: bool = False) -> str:
        """Replace the key; the running servers take the new one at once.

        Args:
            endpoint: The endpoint's name.
            keep_former: Whether clients may go on with the old one until the next change.

        Raises:
            ConflictError: It needs no key.
        """
        store = self._existing(endpoint)
        with store.changing():
            key = store.keys.rotate(self._api_key, keep_former=keep_former).key
        assert key is not None
        return key

    def logs(self, endpoint: str, lines: int = 100) -> str:
        """The last lines of the log of the deployment that has the traffic (or else of the one last started)."""
        shown = _shown(self._existing(endpoint).load())
        return "\n".join(last_lines(Path(shown.log), lines)) if shown else ""

    def follow(self, endpoint: str, lines: int = 100) -> Iterator[str]:
        """The same, and then what is logged from now on, by whatever has the traffic, until the endpoint is stopped."""
        store = self._existing(endpoint)

        def current() -> Path | None:
            state = store.load()
            shown = _shown(state) if state.front or state.candidate else None
            return Path(shown.log) if shown else None

        return follow(current, lines)

    def requests_of(self, endpoint: str, deployment: Deployment) -> RequestCount:
        """Counts what clients' requests to a deployment come to from now on."""
        assert isinstance(deployment, LocalDeployment)
        return RequestCount(Path(deployment.log))

    def resume(self, endpoint: str) -> Endpoint:
        """Start what ended of an endpoint: its front and the deployment that had the traffic, after a reboot, say.

        Raises:
            ConflictError: Somebody else has the port now.
            RemoteError: Nothing had the traffic, or it did not become ready.
        """
        store = self._existing(endpoint)
        with store.changing():
            state = store.load()
            current = state.current
            if current is None:
                raise serves_nothing(endpoint)
            if not is_alive(current) or not is_ready(current, READY_S):
                if not is_alive(state.front) and state.port:
                    check_port(store, state.port, state.host)
                self._without_candidate(store, state)
                self._launcher.clear(store, current)
                current = self._launcher.again(store, current)
                store.save(store.load().restored(current))
            self._traffic.front(store)
        return observe(store)

    def stop(self, endpoint: str) -> Endpoint:
        """Stop the endpoint's front and all its deployments; requests in flight finish."""
        store = self._existing(endpoint)
        with store.changing():
            state = store.load()
            self._launcher.clear(store, *state.processes)
            store.save(state.with_candidate(None).with_front(None))
        return observe(store)

    def delete(self, endpoint: str) -> Endpoint:
        """Stop the endpoint, and forget it with its logs and its key."""
        stopped = self.stop(endpoint)
        store = self._existing(endpoint)
        with store.changing():  # the lock's own file stays: somebody may be waiting for it
            store.state_file.unlink(missing_ok=True)
            store.keys.path.unlink(missing_ok=True)
            discard(store.logs)
        return stopped

    def _without_candidate(self, store: EndpointStore, state: EndpointState) -> EndpointState:
        """Take the candidate's share of the traffic away, then stop it: also what an interrupted deploy left behind."""
        if state.candidate is None:
            self._launcher.clear(store)
            return state
        if state.candidate_share:
            state = store.save(state.with_share(state.candidate, 0))
            self._traffic.unshared(state)
        self._launcher.clear(store, state.candidate)
        return store.save(store.load().with_candidate(None))

    def _existing(self, endpoint: str) -> EndpointStore:
        store = EndpointStore(self._root, endpoint)
        if not store.exists():
            raise BadInputError(
                f"there is no endpoint {endpoint!r}", did_you_mean(endpoint, endpoint_names(self._root))
            )
        return store


def _shown(state: EndpointState) -> LocalDeployment | None:
    return state.current or state.candidate or state.previous
