"""data fetch: a public set of photos becomes a raw and a processed version."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from flowerops.domain.documents import Document
from flowerops.domain.names import Selector
from flowerops.errors import BadInputError, StoreIntegrityError
from flowerops.io.atomic import atomic_write
from flowerops.io.download import download
from flowerops.io.hashing import sha256_file
from flowerops.io.surroundings import now
from flowerops.services.bring_in import laid_out
from flowerops.services.pipeline import Caller
from flowerops.services.preprocess import OpenPipeline, Prepared, PreprocessRequest, preprocess
from flowerops.services.public_sets import PublicSet
from flowerops.services.versions import with_digest
from flowerops.targets.protocol import DatasetVersion, Target

_SOURCE_FILE = "source.json"
_NOTICE_FILE = "NOTICE.txt"
_LICENCES = ("license", "licence", "attribution")


class FetchedSet(Document):
    """`source.json`: what was fetched from where, and the raw version that it became."""

    schema_version: int = 1
    name: str
    url: str
    sha256: str
    bytes: int
    fetched: str
    dataset: str
    digest: str


@dataclass(frozen=True)
class FetchRequest:
    """public: which set. file: its archive when it is on this machine already, else None to download it.

    preparation: dataset and parameters; its folder is not used. allow_private: also from addresses off the internet.
    """

    public: PublicSet
    file: Path | None
    preparation: PreprocessRequest
    allow_private: bool = False


def plan(target: Target, request: FetchRequest) -> dict[str, Any]:
    """What `fetch` would do, without doing it."""
    there = _fetched_before(target, request)
    place = _download_place(target, request.public)
    partial = place.with_name(place.name + ".part")
    return {
        "set": request.public.name,
        "dataset": request.preparation.dataset.name,
        "url": request.public.archive.url,
        "bytes": request.public.archive.bytes,
        "sha256": request.public.archive.sha256,
        "from": str(request.file) if request.file else None,
        "resumes_at": partial.stat().st_size if partial.is_file() else 0,
        "present": str(there) if there else None,
    }


def fetch(
    target: Target, request: FetchRequest, caller: Caller, open_pipeline: OpenPipeline
) -> tuple[Prepared, dict[str, Any]]:
    """Download, check and unpack a public set, and take it in; nothing is downloaded when its photos are here already.

    A download that is cut off goes on from there in the next run. The archive is deleted when its photos are stored.

    Returns:
        The versions, and the JSON member `source`.

    Raises:
        BadInputError: The given file is another one.
        RemoteError: The download failed, or the server has another file.
    """
    there = _fetched_before(target, request)
    if there is not None:
        caller.progress.message(f"{request.public.name} is {there} already")
        selector = Selector(there.name, there.version)
        prepared = preprocess(
            target, replace(request.preparation, folder=None, dataset=selector, mode=None), caller, open_pipeline
        )
        return prepared, _source(target, request, downloaded=False)
    archive = _archive(target, request, caller)
    with laid_out(target, archive, caller.progress) as (folder, _):
        licences = _licences(folder)
        prepared = preprocess(target, replace(request.preparation, folder=folder), caller, open_pipeline)
    _keep_notices(target, request.public, prepared, licences)
    if request.file is None:
        archive.unlink()
    return prepared, _source(target, request, downloaded=request.file is None)


def _licences(folder: Path) -> dict[str, bytes]:
    return {
        path.name: path.read_bytes()
        for path in folder.iterdir()
        if path.is_file() and path.name.lower().startswith(_LICENCES)
    }


def _archive(target: Target, request: FetchRequest, caller: Caller) -> Path:
    known = request.public.archive
    if request.file is None:
        place = _download_place(target, request.public)
        return download(known, place, caller.progress, allow_private=request.allow_private)
    try:
        size = request.file.stat().st_size
        got = sha256_file(request.file) if size == known.bytes else None
    except OSError as error:
        raise BadInputError(f"cannot read {request.file}: {error.strerror}", "Name the archive's file.") from error
    if got != known.sha256:
        said = f"{size:,} bytes" if got is None else f"the SHA-256 {got}"
        raise BadInputError(
            f"{request.file} is not the published {request.public.file}: it has {said}",
            f"Expected are {known.bytes:,} bytes with the SHA-256 {known.sha256}.",
        )
    return request.file


def _fetched_before(target: Target, request: FetchRequest) -> DatasetVersion | None:
    """The raw version that an earlier fetch of the same archive made, if it is still there."""
    path = target.storage.notices() / request.public.name / _SOURCE_FILE
    try:
        known = FetchedSet.from_json(path.read_bytes(), str(path))
    except (OSError, StoreIntegrityError):
        return None
    name = request.preparation.dataset.name
    if known.sha256 != request.public.archive.sha256 or known.dataset != name:
        return None
    return with_digest(target, name, known.digest)


def _keep_notices(target: Target, public: PublicSet, prepared: Prepared, licences: dict[str, bytes]) -> None:
    folder = target.storage.notices() / public.name
    for name, text in {**licences, _NOTICE_FILE: public.notice.encode()}.items():
        atomic_write(folder / name, text)
    known = public.archive
    fetched = FetchedSet(
        name=public.name,
        url=known.url,
        sha256=known.sha256,
        bytes=known.bytes,
        fetched=now(),
        dataset=prepared.raw.name,
        digest=prepared.raw.manifest.digest,
    )
    atomic_write(folder / _SOURCE_FILE, fetched.to_json())


def _download_place(target: Target, public: PublicSet) -> Path:
    return target.storage.downloads() / f"{public.archive.sha256[:12]}-{public.file}"


def _source(target: Target, request: FetchRequest, *, downloaded: bool) -> dict[str, Any]:
    known = request.public.archive
    return {
        "set": request.public.name,
        "url": known.url,
        "sha256": known.sha256,
        "downloaded": downloaded,
        "notices": str(target.storage.notices() / request.public.name),
    }
