"""How a sample set says that it is not photographs."""

from __future__ import annotations

from pathlib import Path

MARK = "SYNTHETIC: a drawing made by flowerops, not a photograph"
"""The first line of the set's README.txt, and the comment inside every picture."""

README_FILE = "README.txt"
README = f"""{MARK}

Every picture in this folder was drawn by a program: `flowerops demo` draws them so that the whole path from a folder
of photos to a smoke-tested endpoint can be tried without any photos. No camera and no photographer was involved.
A model trained on them knows these drawings, not flowers, and its accuracy says nothing about real photos.

Some files are wrong on purpose, as in any collection of photos: one is cut off, one is a web page named .jpg, one is
there twice, one lies under two labels, and some have unusual colour modes, formats or orientation.
"""


def is_sample_set(folder: Path) -> bool:
    """Whether a folder of labelled images is (or was copied whole from) a synthetic sample set."""
    try:
        with (folder / README_FILE).open(encoding="utf-8", errors="replace") as stream:
            return stream.readline().strip() == MARK
    except OSError:
        return False
