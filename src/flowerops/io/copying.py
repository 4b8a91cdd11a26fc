"""Copy folders."""

from __future__ import annotations

import os
import shutil
from pathlib import Path


def copy_folder(source: Path, target: Path) -> None:
    """Copy the files of a folder into another one, which is made when missing.

    `shutil.copytree` goes on after a failure and then raises a list of texts; here the first failure ends it as the
    error of the system that it is, so that a full disk is known for one.
    """
    for root, _, files in os.walk(source):
        place = target / Path(root).relative_to(source)
        place.mkdir(parents=True, exist_ok=True)
        for name in files:
            shutil.copy2(Path(root) / name, place / name)
