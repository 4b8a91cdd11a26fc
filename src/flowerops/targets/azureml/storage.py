"""What a workspace takes up on this machine; clean-ups and checks of whole stores belong to the local target."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from flowerops.domain.verification import Problem
from flowerops.errors import UsageError
from flowerops.io.atomic import staging_folder
from flowerops.targets.azureml.mirror import Mirror
from flowerops.targets.protocol import Garbage, RunStore


class AzureStorage:
    """See `targets.protocol.Storage`."""

    def __init__(self, mirror: Mirror, home: Path) -> None:
        self._mirror = mirror
        self._home = home.absolute()

    def announce(self) -> None:
        """Nothing: whoever changes the same things in the workspace holds a lock there."""

    @contextlib.contextmanager
    def cleaning(self) -> Iterator[None]:
        """Nobody is held off: a workspace has no lock over all that is in it."""
        yield

    @contextlib.contextmanager
    def workspace(self) -> Iterator[Path]:
        """A folder that goes with the block."""
        with staging_folder(self._mirror.root) as folder:
            yield folder

    def downloads(self) -> Path:
        """The home's folder `downloads/`."""
        return self._home / "downloads"

    def notices(self) -> Path:
        """The home's folder `notices/`."""
        return self._home / "notices"

    def tracked(self) -> bool:
        """A workspace always records."""
        return True

    def problems(self) -> list[Problem]:
        """The service checks its own records."""
        return []

    def leftovers(self) -> list[Path]:
        """None."""
        return []

    def garbage(self, runs: RunStore | None) -> list[Garbage]:
        """Not for a workspace, where others may need what we do not know of."""
        raise UsageError("gc works on the local target", "A workspace's data is archived with: flowerops data rm")
