"""Delete files and folders so that readers never see half of one."""

from __future__ import annotations

import shutil
from pathlib import Path

from flowerops.io.atomic import explain_os_error, temp_beside


def discard(path: Path) -> None:
    """Take a file or a folder away; a folder gets a temporary name first, so that its own name stands for all or none.

    Raises:
        UsageError: It may not be deleted.
    """
    try:
        if path.is_symlink() or not path.is_dir():
            path.unlink(missing_ok=True)
            return
        doomed = temp_beside(path)
        path.rename(doomed)
        shutil.rmtree(doomed)
    except FileNotFoundError:
        return
    except OSError as error:
        raise explain_os_error(error, path) from error


def size_of(path: Path) -> int:
    """Bytes of a file, or of all files in a folder; what vanishes meanwhile counts as nothing."""
    files = path.rglob("*") if path.is_dir() and not path.is_symlink() else [path]
    total = 0
    for file in files:
        try:
            total += file.lstat().st_size if file.is_symlink() or file.is_file() else 0
        except FileNotFoundError:
            continue
    return total
