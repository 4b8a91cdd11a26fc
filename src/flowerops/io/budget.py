"""How much a foreign file may grow when it is unpacked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from flowerops.errors import BadInputError

_MOST_FILES = 2_000_000
_MOST_BYTES = 200 << 30
_ALWAYS_BYTES = 1 << 30
_MOST_TIMES = 100
"""Photos hardly shrink when packed: what grows a hundredfold holds something else."""
_HINT = "If it is meant, unpack it yourself and name the folder with preprocess --data-folder."


@dataclass
class Budget:
    """How many files and bytes are still allowed."""

    files: int
    bytes: int

    @classmethod
    def for_file(cls, path: Path) -> Budget:
        """What is plausible for photos in a packed file: its size a hundred times, at least 1 GiB, at most 200 GiB."""
        size = path.stat().st_size
        return cls(_MOST_FILES, min(_MOST_BYTES, max(_ALWAYS_BYTES, _MOST_TIMES * size)))

    def count_file(self, source: Path) -> None:
        """Take one file.

        Raises:
            BadInputError: There were too many.
        """
        self.files -= 1
        if self.files < 0:
            raise BadInputError(f"{source} has too many files in it", _HINT)

    def count_bytes(self, count: int, source: Path) -> None:
        """Take some bytes.

        Raises:
            BadInputError: There were too many.
        """
        self.check_announced(count, source)
        self.bytes -= count

    def check_announced(self, count: int, source: Path) -> None:
        """Refuse what says that it has more bytes than are left.

        Raises:
            BadInputError: It does.
        """
        if count > self.bytes:
            raise BadInputError(f"{source} grows beyond all measure when it is unpacked", _HINT)
