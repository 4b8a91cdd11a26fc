"""A folder that a user named for results: it comes into being whole, and never in the place of something else."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

from flowerops.errors import BadInputError, ConflictError
from flowerops.io.atomic import explain_os_error, staging_folder, sync_disk, sync_folder


def check_new_folder(target: Path) -> Path:
    """The folder's absolute name, once it is known that nothing is in the way.

    Raises:
        BadInputError: It is a file, or a folder with something in it.
    """
    place = target.resolve()
    try:
        taken = place.exists() and (not place.is_dir() or any(place.iterdir()))
    except OSError as error:
        raise BadInputError(f"cannot read folder {target}: {error.strerror}", "Name another folder.") from error
    if taken:
        what = "is not empty" if place.is_dir() else "is a file"
        raise BadInputError(f"{target} {what}", "Name a folder that does not exist yet.")
    return place


def _remove_empty(place: Path) -> None:
    with contextlib.suppress(OSError):
        place.rmdir()


@contextlib.contextmanager
def new_folder(
    target: Path,
    check: Callable[[Path], Path] = check_new_folder,
    clear: Callable[[Path], object] = _remove_empty,
) -> Iterator[Path]:
    """Fill a temporary folder beside the target, which gets the target's name when the block ends well.

    Args:
        target: The folder.
        check: Gives its absolute name, or refuses what is there.
        clear: Makes way at the end for the new folder, by the absolute name.

    Raises:
        BadInputError: The target is a file, or has something in it.
        ConflictError: Somebody put something there meanwhile.
    """
    place = check(target)
    with staging_folder(place.parent) as temp:
        yield temp
        sync_disk()
        clear(place)
        try:
            temp.rename(place)
        except OSError as error:
            if place.exists():
                raise ConflictError(
                    f"{target} was taken meanwhile, or is a mount point", "Name a folder that does not exist yet."
                ) from error
            raise explain_os_error(error, place) from error
        sync_folder(place.parent)
