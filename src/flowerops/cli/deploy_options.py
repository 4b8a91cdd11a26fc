"""Options of deploy: a canary, and who reaches the endpoint."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from flowerops.domain.canary import CanaryPolicy
    from flowerops.targets.protocol import Access

_CANARY = "Canary"
_ACCESS = "Who reaches it (this machine)"


@dataclass(frozen=True)
class CanaryOptions:
    """Whether and how the new model is tried on a share of the traffic."""

    traffic: Annotated[
        int | None,
        typer.Option(
            help="Give it this share of the traffic first, in percent; then all, or none when it fails.",
            min=1,
            max=50,
            rich_help_panel=_CANARY,
            show_default=False,
        ),
    ] = None
    watch: Annotated[
        float | None,
        typer.Option(
            help="For so many minutes. 0: until you promote it or roll back. Default: 5.",
            min=0,
            max=24 * 60,
            rich_help_panel=_CANARY,
            show_default=False,
        ),
    ] = None
    max_errors: Annotated[
        float | None,
        typer.Option(
            help="The share of its requests that may fail, in percent. Default: 1.",
            min=0,
            max=100,
            rich_help_panel=_CANARY,
            show_default=False,
        ),
    ] = None
    max_latency_ms: Annotated[
        float | None,
        typer.Option(
            help="What 95 of 100 of its answers may take, in ms. Default: 2000.",
            min=1,
            rich_help_panel=_CANARY,
            show_default=False,
        ),
    ] = None

    def policy(self) -> CanaryPolicy | None:
        """The canary's terms; None without a share of the traffic.

        Raises:
            UsageError: Terms were given, and no share.
        """
        from flowerops.domain.canary import CanaryPolicy
        from flowerops.errors import UsageError

        terms = {
            "watch_s": None if self.watch is None else self.watch * 60,
            "max_errors": None if self.max_errors is None else self.max_errors / 100,
            "max_latency_ms": self.max_latency_ms,
        }
        chosen = {name: value for name, value in terms.items() if value is not None}
        if self.traffic is None and chosen:
            raise UsageError("there is no canary to watch", "Give it a share of the traffic: --traffic 10.")
        return None if self.traffic is None else CanaryPolicy(percent=self.traffic, **chosen)


@dataclass(frozen=True)
class AccessOptions:
    """Who reaches an endpoint of this machine."""

    host: Annotated[
        str | None,
        typer.Option(
            help="Address to listen on. Default: the one that it has, 127.0.0.1 at first.",
            rich_help_panel=_ACCESS,
            show_default=False,
        ),
    ] = None
    public: Annotated[
        bool,
        typer.Option("--public", help="Listen on all addresses; clients need a key.", rich_help_panel=_ACCESS),
    ] = False
    key: Annotated[
        bool | None,
        typer.Option(
            "--key/--no-key",
            help="Whether clients need an API key. Default: as it is, no at first.",
            rich_help_panel=_ACCESS,
            show_default=False,
        ),
    ] = None

    def access(self) -> Access:
        """The same in the words of the targets.

        Raises:
            UsageError: Two addresses were given.
        """
        from flowerops.errors import UsageError
        from flowerops.targets.protocol import Access

        if self.public and self.host is not None:
            raise UsageError("--public and --host exclude each other", "Name one address, or take all of them.")
        return Access("0.0.0.0" if self.public else self.host, self.key)  # noqa: S104 - asked for, and needs a key
