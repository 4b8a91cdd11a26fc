"""Files of the project beside the package: environments (`conda/`), pipelines, infrastructure, the list of settings."""

from __future__ import annotations

from pathlib import Path

from flowerops.errors import UsageError

_PACKAGE = Path(__file__).resolve().parents[1]


def project_file(name: str) -> Path:
    """A file or folder by its name in the project, for example `conda/train.yml`.

    An installed wheel carries them inside the package, a source tree has them two folders above it.

    Raises:
        UsageError: The installation lacks it.
    """
    for root in (_PACKAGE / "_project", _PACKAGE.parents[1]):
        if (root / name).exists():
            return root / name
    raise UsageError(f"this installation of flowerops lacks {name}", "Install it again from a wheel or a checkout.")


def files_below(folder: Path) -> list[str]:
    """The names of all files below a folder, relative to it and with `/`, in order."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
