"""Where the weights of a keras.applications network come from: a file of the user, Keras's cache, or a download."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from flowerops.domain.progress import Progress
from flowerops.errors import BadInputError, FlowerOpsError, RemoteError, first_line
from flowerops.io.hashing import sha256_file

_TIMEOUT_S = 30.0
_SLACK_BYTES = 1 << 20
_DEEPEST = 32
_OURS = "Use the file that Keras wrote."


@dataclass(frozen=True)
class Origin:
    """Where weights came from ("file:NAME", "keras-cache:NAME", "download:URL"), and the file's SHA-256."""

    source: str
    sha256: str | None


def load_weight_file(network: Any, path: Path) -> Origin:
    """Load a Keras weights file (`.weights.h5`, or the older `.h5`) of the user into a network.

    Raises:
        BadInputError: Missing, no such file, unsafe, or of another network.
    """
    if not path.is_file():
        raise BadInputError(f"weights file not found: {path}", "Check --weights.")
    if path.suffix != ".h5":
        raise BadInputError(f"{path.name} is not a Keras weights file", "Give a file that ends in .weights.h5 or .h5.")
    with path.open("rb") as file:
        refuse_unsafe_hdf5(file, path.name, path.stat().st_size)
    try:
        network.load_weights(path)
    except Exception as error:  # Keras and h5py raise many kinds for a file of another network
        raise BadInputError(
            f"{path.name} does not hold weights of {network.name}: {first_line(error)}",
            'Use the file of this network without its classifier ("no top").',
        ) from error
    return Origin(f"file:{path.name}", sha256_file(path))


def refuse_unsafe_hdf5(stream: IO[bytes], name: str, size: int) -> None:
    """Refuse an HDF5 file that points to other files or would unpack to more than its own size.

    Args:
        stream: The file; one that can be sought in.
        name: What messages call it.
        size: Its length in bytes.

    Raises:
        BadInputError: It is such a file, or none of HDF5.
    """
    import h5py  # type: ignore[import-untyped]

    try:
        with h5py.File(stream, "r") as file:
            unpacked = _checked_size(file, name, set())
    except OSError as error:
        raise BadInputError(f"{name} is not an HDF5 file, or it is broken", "Fetch it again.") from error
    if unpacked > size + _SLACK_BYTES:
        raise BadInputError(f"{name} would unpack to {unpacked:,} bytes", _OURS)


def _checked_size(group: Any, file: str, seen: set[int]) -> int:
    """Bytes of all arrays below a group; only plain links to plain arrays are allowed.

    Args:
        group: Of h5py; the file itself is one.
        file: What messages call it.
        seen: Where in the file the objects begin that were counted; grows. Thirty groups of which each holds the next
            one twice would have a thousand million members.
    """
    import h5py

    total = 0
    for name in group:
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            raise BadInputError(f"{file}: {name} is a link to another place", _OURS)
        item = group[name]
        place = h5py.h5o.get_info(item.id).addr
        if place in seen:
            raise BadInputError(f"{file}: {name} is there under two names", _OURS)
        seen.add(place)
        if isinstance(item, h5py.Dataset):
            if item.external or item.is_virtual:
                raise BadInputError(f"{file}: {name} lies in another file", _OURS)
            total += int(item.nbytes)
        elif item.name.count("/") > _DEEPEST:
            raise BadInputError(f"{file}: groups are nested without end", _OURS)
        else:
            total += _checked_size(item, file, seen)
    return total


def pretrained(make: Callable[[], Any], progress: Progress) -> tuple[Any, Origin]:
    """Let Keras build a network with its ImageNet weights, and see which file it used.

    Raises:
        RemoteError: The file is not in Keras's cache and could not be downloaded.
    """
    with _watched(progress) as used:
        network = make()
    if not used:
        return network, Origin("keras.applications", None)
    path, source = used[-1]
    return network, Origin(source, sha256_file(path))


@contextlib.contextmanager
def _watched(progress: Progress) -> Iterator[list[tuple[Path, str]]]:
    """Note each file that Keras asks `get_file` for, and turn a failed download into an error with advice.

    Keras does not tell which file a network's weights came from, and a download has no time limit; hence the wrapper.
    """
    from keras.src.utils import file_utils

    used: list[tuple[Path, str]] = []
    original, timeout = file_utils.get_file, socket.getdefaulttimeout()

    def get_file(fname: str, origin: str, *args: Any, **kwargs: Any) -> str:
        cached = Path(file_utils.config.keras_home()).expanduser() / "models" / fname
        before = cached.stat().st_mtime_ns if cached.is_file() else None
        if before is None:
            progress.message(f"downloading {origin}")
        try:
            path = Path(original(fname, origin, *args, **kwargs))
        except Exception as error:  # Keras raises plain Exception
            raise _unavailable(fname, error) from error
        fresh = not (path == cached and before == path.stat().st_mtime_ns)
        used.append((path, f"download:{origin}" if fresh else f"keras-cache:{fname}"))
        return str(path)

    file_utils.get_file = get_file
    socket.setdefaulttimeout(_TIMEOUT_S)
    try:
        yield used
    finally:
        file_utils.get_file = original
        socket.setdefaulttimeout(timeout)


def _unavailable(file: str, error: Exception) -> FlowerOpsError:
    return RemoteError(
        f"the weights {file} could not be downloaded: {first_line(error)}",
        "Give a file with --weights PATH, or take --backbone efficientnet_lite0, which needs no download.",
    )
