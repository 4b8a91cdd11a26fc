"""What the service keeps of managed online endpoints, and the changes that we ask of it."""

from __future__ import annotations

from typing import Any

from flowerops.domain.deployment import Colour, Deployment, Endpoint
from flowerops.domain.names import did_you_mean
from flowerops.errors import BadInputError, ConflictError, FlowerOpsError, RemoteError, UsageError
from flowerops.targets.azureml.client import AzureClient, muted
from flowerops.targets.azureml.endpoint_view import CANARY_TAG, PREVIOUS_TAG, deployment_of, mark_of, observed, state_of
from flowerops.targets.azureml.errors import translating
from flowerops.targets.azureml.operations import FailedError, Waiting, reason_of, silence_polling
from flowerops.targets.azureml.words import plain

_LOG_LINES = 50
_LOG_HINT = "The last log lines of the new one are in the details (--json)."
_TAKEN = "Names of endpoints are shared by everybody in a region: choose another one with --endpoint."


class Managed:
    """The endpoints of one workspace; what it gives are the SDK's own objects where it says Any."""

    def __init__(self, client: AzureClient, waiting: Waiting) -> None:
        self._client = client
        self._waiting = waiting

    @property
    def _ml(self) -> Any:
        silence_polling()
        return self._client.ml

    def get(self, endpoint: str) -> Any:
        """The endpoint.

        Raises:
            BadInputError: There is none of that name.
        """
        found = self.look(endpoint)
        if found is None:
            with translating("list the endpoints"):
                names = sorted(str(one.name) for one in self._ml.online_endpoints.list())
            raise BadInputError(f"there is no endpoint {endpoint!r}", did_you_mean(endpoint, names))
        return found

    def look(self, endpoint: str) -> Any:
        """The endpoint, or None."""
        from azure.core.exceptions import ResourceNotFoundError

        with translating(f"look at endpoint {endpoint}"):
            try:
                return self._ml.online_endpoints.get(endpoint)
            except ResourceNotFoundError:
                return None

    def observed(self, found: Any) -> Endpoint:
        """An endpoint in our words, with its deployments."""
        with translating(f"list the deployments of {found.name}"):
            return observed(found, list(self._ml.online_deployments.list(str(found.name))))

    def ensure(self, endpoint: str, auth: str) -> Any:
        """The endpoint; made when it is new, with this way to sign in (key or aad_token)."""
        found = self.look(endpoint)
        if found is not None and state_of(found) != "Failed":
            return found
        from azure.ai.ml.entities import ManagedOnlineEndpoint

        wanted = ManagedOnlineEndpoint(name=endpoint, auth_mode=auth, tags={"made_by": "flowerops"})
        try:
            with translating(f"make endpoint {endpoint}"), muted():
                poller = self._ml.online_endpoints.begin_create_or_update(wanted)
            return self._waiting.until(f"endpoint {endpoint}", lambda: self.look(endpoint), _succeeded)
        except FailedError as error:
            why = reason_of(poller, f"make endpoint {endpoint}", error)
            raise RemoteError(why.message, _TAKEN) from error
        except (BadInputError, ConflictError, UsageError) as error:
            raise type(error)(error.message, _TAKEN) from error

    def await_deployment(self, endpoint: str, colour: str, what: str, poller: Any) -> None:
        """Wait until a deployment serves.

        Raises:
            RemoteError: It did not start; the details have its last log lines.
        """
        try:
            self._waiting.until(what, lambda: self.deployment(endpoint, colour), _succeeded)
        except FailedError as error:
            why = reason_of(poller, f"start {what} of endpoint {endpoint}", error)
            try:
                lines = self.logs(endpoint, colour, _LOG_LINES).splitlines()
            except FlowerOpsError:  # there was no container yet
                lines = []
            hint = f"What served before still serves. {_LOG_HINT if lines else why.hint or ''}".rstrip()
            raise RemoteError(why.message, hint, {"log": lines}) from error

    def deployment(self, endpoint: str, colour: str) -> Any:
        """The deployment, or None."""
        from azure.core.exceptions import ResourceNotFoundError

        with translating(f"look at deployment {colour}"):
            try:
                return self._ml.online_deployments.get(colour, endpoint_name=endpoint)
            except ResourceNotFoundError:
                return None

    def made(self, endpoint: str, colour: str) -> Deployment | None:
        """The deployment in our words; None where there is none of ours."""
        found = self.deployment(endpoint, colour)
        return deployment_of(endpoint, found) if found is not None else None

    def remove(self, endpoint: str, colour: str, *, wait: bool = True) -> None:
        """Delete a deployment if it is there."""
        found = self.deployment(endpoint, colour)
        if found is None:
            return
        if state_of(found) != "Deleting":
            with translating(f"delete deployment {colour}"), muted():
                self._ml.online_deployments.begin_delete(colour, endpoint_name=endpoint)
        if wait:
            self._waiting.until_gone(f"deployment {colour}", lambda: self.deployment(endpoint, colour))

    def switch(self, found: Any, to: Deployment, before: Deployment | None) -> Endpoint:
        """Give all traffic to one deployment, and remember in the same request who had it before."""
        return self._route(found, {to.colour: 100}, {PREVIOUS_TAG: mark_of(before), CANARY_TAG: ""})

    def share(self, found: Any, active: Colour, canary: Colour, percent: int) -> Endpoint:
        """Give a canary a share of the traffic, 0 to 50 percent, and the active deployment the rest."""
        traffic = {active: 100 - percent, **({canary: percent} if percent else {})}
        return self._route(found, traffic, {CANARY_TAG: canary if percent else ""})

    def _route(self, found: Any, traffic: dict[Colour, int], tags: dict[str, str]) -> Endpoint:
        endpoint = str(found.name)
        found.traffic, found.mirror_traffic = dict(traffic), {}
        found.tags = {**(found.tags or {}), **tags}
        with translating(f"move the traffic of endpoint {endpoint}"), muted():
            poller = self._ml.online_endpoints.begin_create_or_update(found)

        def moved(seen: Any) -> bool:
            return _succeeded(seen) and {name: share for name, share in seen.traffic.items() if share} == traffic

        try:
            self._waiting.until(f"traffic to {_shown(traffic)}", lambda: self.get(endpoint), moved)
        except FailedError as error:
            why = reason_of(poller, f"move the traffic of endpoint {endpoint}", error)
            raise RemoteError(why.message, why.hint) from error
        return self.observed(self.get(endpoint))

    def logs(self, endpoint: str, colour: str, lines: int) -> str:
        """The last lines of a deployment's container."""
        with translating(f"read the log of deployment {colour}"):
            return str(self._ml.online_deployments.get_logs(colour, endpoint_name=endpoint, lines=lines)).rstrip()

    def delete(self, endpoint: str) -> None:
        """Delete an endpoint with all its deployments."""
        with translating(f"delete endpoint {endpoint}"), muted():
            self._ml.online_endpoints.begin_delete(name=endpoint)
        self._waiting.until_gone(f"endpoint {endpoint}", lambda: self.look(endpoint))

    def key(self, endpoint: str) -> str | None:
        """The key, or a token where the endpoint wants one."""
        with translating(f"get the key of endpoint {endpoint}"):
            keys = self._ml.online_endpoints.get_keys(endpoint)
        return getattr(keys, "primary_key", None) or getattr(keys, "access_token", None)

    def new_key(self, endpoint: str) -> str:
        """Replace the primary key; the secondary one stays.

        Raises:
            ConflictError: The endpoint takes tokens.
        """
        if plain(self.get(endpoint).auth_mode) != "key":
            raise ConflictError(
                f"endpoint {endpoint} takes tokens, which end by themselves", "There is no key to change."
            )
        before = self.key(endpoint)
        with translating(f"change the key of endpoint {endpoint}"), muted():
            self._ml.online_endpoints.begin_regenerate_keys(endpoint, key_type="primary")
        found: list[str | None] = [before]

        def look() -> Any:
            found[0] = self.key(endpoint)
            return self.look(endpoint)

        self._waiting.until("the new key", look, lambda _: found[0] != before)
        return str(found[0])

    def all(self) -> list[Any]:
        """Every managed endpoint, by name."""
        from azure.ai.ml.entities import ManagedOnlineEndpoint

        with translating("list the endpoints"):
            found = [one for one in self._ml.online_endpoints.list() if isinstance(one, ManagedOnlineEndpoint)]
        return sorted(found, key=lambda one: str(one.name))


def _shown(traffic: dict[Colour, int]) -> str:
    return ", ".join(colour if share == 100 else f"{colour} {share}%" for colour, share in traffic.items())


def _succeeded(found: Any) -> bool:
    return found is not None and state_of(found) == "Succeeded"
