"""What a smoke test asks: images with the answers that they must get."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from flowerops.datasets.scan import MAX_FILE_BYTES
from flowerops.domain.bundle import BUNDLE_FILE, GOLDEN_DIR, GOLDEN_FILE, BundleInfo, GoldenImage, GoldenSet
from flowerops.domain.deployment import PARITY_TOLERANCE, QUANTIZED_TOLERANCE
from flowerops.errors import BadInputError, StoreIntegrityError
from flowerops.io.fetch import fetch
from flowerops.io.hashing import sha256_bytes
from flowerops.io.reading import read_bounded

_URL_SCHEMES = ("http://", "https://")
_JUNK = {"thumbs.db", "desktop.ini"}
_HINT = "Give files or URLs with one class each (--classes a,b,…), or a folder with one folder a class."


@dataclass(frozen=True)
class Case:
    """One image (the file's bytes), the label it must get, and its probabilities by label where they are known.

    tolerance: how far an answer's probabilities may be from those.
    """

    name: str
    label: str
    data: bytes
    probabilities: dict[str, float] | None = None
    tolerance: float = PARITY_TOLERANCE

    def accepts(self, label: str) -> bool:
        """Whether a label is right: the expected one, or one that is as probable within the tolerance."""
        if label == self.label or self.probabilities is None:
            return label == self.label
        known = self.probabilities
        return label in known and known[label] >= known[self.label] - 2 * self.tolerance


def cases_from_bundle(bundle_dir: Path, *, quantized: bool = False) -> list[Case]:
    """A bundle's golden images; what the model answered at training is right, whatever the photo shows.

    Args:
        bundle_dir: The bundle.
        quantized: What its int8 model answered is right.

    Raises:
        BadInputError: There is no bundle, or it has no int8 model.
        StoreIntegrityError: Its documents or golden images are damaged.
    """
    info = BundleInfo.from_json(_document(bundle_dir, BUNDLE_FILE), BUNDLE_FILE)
    golden = GoldenSet.from_json(_document(bundle_dir, GOLDEN_FILE), GOLDEN_FILE)
    if quantized and not (info.quantized and info.quantized.kept):
        raise BadInputError("the model has no int8 form", "Train it with --quantize.")
    return [_golden_case(bundle_dir, image, info.labels, quantized=quantized) for image in golden.images]


def cases_from_images(sources: Sequence[str], classes: Sequence[str] = (), allow_private: bool = False) -> list[Case]:
    """Images that the user names.

    Args:
        sources: Files, folders or http(s) URLs.
        classes: The class of each source, all images of a folder having the same; without classes every source must be
            a folder with one folder a class.
        allow_private: Whether URLs may lead to addresses off the public internet.

    Raises:
        BadInputError: Sources and classes do not go together, there is no image, or a source cannot be read.
        RemoteError: A URL cannot be fetched.
    """
    if not sources:
        raise BadInputError("no test images given", _HINT)
    if classes and len(classes) != len(sources):
        raise BadInputError(f"{len(sources)} images but {len(classes)} classes", _HINT)
    pairs = zip(sources, classes, strict=True) if classes else ((source, None) for source in sources)
    return [case for source, label in pairs for case in _cases_of(source, label, allow_private)]


def _cases_of(source: str, label: str | None, allow_private: bool) -> Iterator[Case]:
    if source.lower().startswith(_URL_SCHEMES):
        yield _case(source.partition("?")[0], _known(label, source), fetch(source, allow_private=allow_private))
        return
    path = Path(source)
    if not path.is_dir():
        yield _case(source, _known(label, source), _read(path))
    elif label is not None:
        yield from _folder_cases(path, label)
    else:
        folders = [folder for folder in _entries(path) if folder.is_dir()]
        if not folders:
            raise BadInputError(f"{_printable(source)}: no class folders in it", _HINT)
        for folder in folders:
            yield from _folder_cases(folder, folder.name)


def _folder_cases(folder: Path, label: str) -> Iterator[Case]:
    files = [file for file in _entries(folder) if file.is_file() and file.name.lower() not in _JUNK]
    if not files:
        raise BadInputError(f"{_printable(str(folder))}: no images in it", _HINT)
    for file in files:
        yield _case(str(file), label, _read(file))


def _golden_case(bundle_dir: Path, image: GoldenImage, labels: Sequence[str], *, quantized: bool) -> Case:
    data = _document(bundle_dir, f"{GOLDEN_DIR}/{image.file}")
    answers = (image.quantized or []) if quantized else image.probabilities
    if sha256_bytes(data) != image.sha256 or len(answers) != len(labels):
        raise StoreIntegrityError(
            f"{GOLDEN_DIR}/{image.file}: not what {GOLDEN_FILE} says", "Register the model again."
        )
    probabilities = dict(zip(labels, answers, strict=True))
    tolerance = QUANTIZED_TOLERANCE if quantized else PARITY_TOLERANCE
    return Case(_printable(image.file), max(labels, key=probabilities.__getitem__), data, probabilities, tolerance)


def _case(name: str, label: str, data: bytes) -> Case:
    return Case(_printable(name), label, data)


def _known(label: str | None, source: str) -> str:
    if label is None:
        raise BadInputError(f"{_printable(source)}: of which class?", _HINT)
    return label


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))
    except OSError as error:
        raise BadInputError(f"{_printable(str(folder))}: {error.strerror}", _HINT) from error


def _read(path: Path) -> bytes:
    try:
        return read_bounded(path, MAX_FILE_BYTES)
    except OSError as error:
        raise BadInputError(f"{_printable(str(path))}: {error.strerror}", _HINT) from error


def _document(bundle_dir: Path, name: str) -> bytes:
    if not bundle_dir.is_dir():
        raise BadInputError(f"no model bundle at {bundle_dir}", "Train and register a model first.")
    try:
        return (bundle_dir / name).read_bytes()
    except OSError as error:
        raise StoreIntegrityError(f"{bundle_dir}: {name} cannot be read", "Register the model again.") from error


def _printable(text: str) -> str:
    """File names may hold anything; what is shown and written to XML may not."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)
