"""package: a model and its server as the build context of a container image."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flowerops.domain.names import Selector
from flowerops.domain.progress import Progress
from flowerops.errors import BadInputError, UsageError
from flowerops.io.atomic import atomic_write
from flowerops.io.discard import discard
from flowerops.io.hashing import sha256_file
from flowerops.io.new_folder import new_folder
from flowerops.services.package_context import BASE_IMAGE, PORT, default_tag, write_context
from flowerops.services.package_engine import build_image, check_tag, find_engine
from flowerops.services.selection import find_model
from flowerops.targets.protocol import ModelVersion, Target

MARK = "flowerops-package.json"
"""Lists the files of a context with their digests, and so tells a folder of ours from one of the user's."""

_IMAGE = re.compile(r"[a-z0-9][A-Za-z0-9._/:-]*(@sha256:[0-9a-f]{64})?")


@dataclass(frozen=True)
class PackageRequest:
    """model: which. folder: where to, new or one that an earlier `package` wrote. build: the image's tag, or None."""

    model: Selector
    folder: Path
    base_image: str = BASE_IMAGE
    build: str | None = None


def plan(target: Target, request: PackageRequest) -> dict[str, Any]:
    """What `package` would do.

    Raises:
        BadInputError: There is no such model, or the folder holds something else.
        UsageError: `build` without an engine, or a name that no image can have.
    """
    _check(request)
    model = find_model(target, request.model)
    place = check_folder(request.folder)
    return {**_described(model, request), "folder": str(place), "replaces": place.exists() and any(place.iterdir())}


def package(target: Target, request: PackageRequest, progress: Progress) -> dict[str, Any]:
    """Write the build context, whole or not at all, and build the image where that is wanted.

    Raises:
        BadInputError: There is no such model, or the folder holds something else.
        StoreIntegrityError: The model's bundle is damaged.
        UsageError: `build` without an engine, or a name that no image can have.
        RemoteError: The engine failed; the folder is there.
    """
    engine = _check(request)
    model = find_model(target, request.model)
    bundle = target.models.open(model)
    with new_folder(request.folder, check_folder, _make_way) as temp:
        pins = write_context(temp, model, bundle, request.base_image)
        files = _mark(temp, model)
    place = request.folder.resolve()
    if engine and request.build:
        build_image(engine, request.build, place, progress.message)
    return {
        **_described(model, request),
        "folder": str(place),
        "files": len(files),
        "bytes": sum((place / name).stat().st_size for name in files),
        "packages": {pin.name: pin.version for pin in pins},
    }


def check_folder(folder: Path) -> Path:
    """The folder's absolute name, once it is known that nothing of somebody else would be lost.

    Raises:
        BadInputError: It is a file, or has files that `package` did not write, or that were changed since.
    """
    place = folder.resolve()
    if place.exists() and not place.is_dir():
        raise BadInputError(f"{folder} is a file", "Name a folder.")
    links_too = (path for path in place.rglob("*") if path.is_symlink() or not path.is_dir())
    present = sorted(path.relative_to(place).as_posix() for path in links_too)
    if not present:
        return place
    known = _known(place / MARK)
    foreign = next(
        (name for name in present if name != MARK and not _is_as_written(place / name, known.get(name))), None
    )
    if not known or foreign:
        what = f"holds {foreign}, which was not written like this by `flowerops package`" if known else "is not empty"
        raise BadInputError(f"{folder} {what}", "Name a folder that does not exist yet, or empty this one.")
    return place


def _check(request: PackageRequest) -> str | None:
    if not _IMAGE.fullmatch(request.base_image):
        raise UsageError(f"{request.base_image!r} cannot name an image", f"For example: --base-image {BASE_IMAGE}")
    if request.build is None:
        return None
    check_tag(request.build)
    return find_engine()


def _is_as_written(file: Path, digest: str | None) -> bool:
    """Whether `package` wrote this; what is no plain file is not even opened, for a pipe would never end."""
    plain = file.is_file() and not file.is_symlink()
    return digest is not None and plain and sha256_file(file) == digest


def _known(mark: Path) -> dict[str, str]:
    try:
        return dict(json.loads(mark.read_bytes())["files"])
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _mark(folder: Path, model: ModelVersion) -> list[str]:
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    described = model.ref.model_dump()
    files = {name: sha256_file(folder / name) for name in names}
    atomic_write(folder / MARK, json.dumps({"schema_version": 1, "model": described, "files": files}, indent=2) + "\n")
    return names


def _make_way(place: Path) -> None:
    check_folder(place)  # somebody may have put something there meanwhile
    discard(place)


def _described(model: ModelVersion, request: PackageRequest) -> dict[str, Any]:
    return {
        "model": model.ref.model_dump(),
        "base_image": request.base_image,
        "pinned": "@sha256:" in request.base_image,
        "image": request.build,
        "tag": request.build or default_tag(model),
        "port": PORT,
    }
