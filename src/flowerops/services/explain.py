"""explain: which parts of a photo made a model say what it says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flowerops.domain.names import Selector, did_you_mean
from flowerops.domain.progress import Progress
from flowerops.errors import BadInputError, UsageError
from flowerops.images import ImageRejectedError, PreparedImage, prepare_image
from flowerops.io.atomic import atomic_write
from flowerops.reports.overlay import Explained, render_explanation
from flowerops.services.predict import read_image
from flowerops.services.selection import find_model
from flowerops.serving.occlusion import occlude
from flowerops.serving.scorer import Scorer
from flowerops.targets.protocol import Target

_SHOWN_SIDE = 480
_SUFFIX = ".png"


@dataclass(frozen=True)
class ExplainRequest:
    """model: which one. images: files. label: of which class; None: of the predicted one. out: a PNG file, or a folder.

    cells: how many parts the longer side is divided into; a photo costs their square in scorings.
    """

    model: Selector
    images: Sequence[Path]
    out: Path
    label: str | None = None
    cells: int = 11


def plan(request: ExplainRequest) -> list[tuple[Path, Path]]:
    """Each image with the file that its picture goes to.

    Raises:
        UsageError: Several images and one file, or a picture that would take the place of one of the images.
    """
    placed = _placed(request)
    images = {image.resolve() for image in request.images}
    taken = next((out for _, out in placed if out.resolve() in images), None)
    if taken is not None:
        raise UsageError(f"the picture would be written over {taken}", "Name another folder: --out explained/")
    return placed


def _placed(request: ExplainRequest) -> list[tuple[Path, Path]]:
    if request.out.suffix.lower() == _SUFFIX and not request.out.is_dir():
        if len(request.images) > 1:
            raise UsageError(f"{len(request.images)} images do not go into one file", "Name a folder: --out explained/")
        return [(request.images[0], request.out)]
    taken: set[str] = set()
    placed = []
    for image in request.images:
        name, number = image.stem, 1
        while name.casefold() in taken:
            number += 1
            name = f"{image.stem}-{number}"
        taken.add(name.casefold())
        placed.append((image, request.out / f"{name}{_SUFFIX}"))
    return placed


def explain(target: Target, request: ExplainRequest, progress: Progress) -> dict[str, Any]:
    """Write a picture for each image.

    Returns:
        JSON members `explanations` and `model`. `grid` has a row for each part of the photo from top to bottom: by how
        much the log-odds of the label fall when the part is covered.

    Raises:
        BadInputError: No such model or class, or a file that cannot be read or is not an image.
        UsageError: As `plan` does.
    """
    placed = [(path, read_image(path), out) for path, out in plan(request)]
    model = find_model(target, request.model)
    scorer = Scorer.load(target.models.open(model), model.digest)
    if request.label is not None and request.label not in scorer.labels:
        raise BadInputError(
            f"{model} knows no class {request.label!r}",
            did_you_mean(request.label, scorer.labels),
        )
    named = str(model)
    explanations = []
    with progress.task("explaining", len(placed), "photo") as task:
        for path, data, out in placed:
            explanations.append(_explain(scorer, named, path, data, out, request))
            task.advance()
    described = model.ref.model_dump()
    return {"explanations": explanations, "model": described, "synthetic": scorer.info.synthetic}


def _explain(scorer: Scorer, named: str, path: Path, data: bytes, out: Path, request: ExplainRequest) -> dict[str, Any]:
    geometry = scorer.info.geometry
    pixels = _prepared(path, data, geometry.size, geometry.fit).pixels
    found = occlude(scorer, pixels, request.cells, request.label)
    probabilities = {label: float(p) for label, p in zip(scorer.labels, found.probabilities, strict=True)}
    shown = Explained(
        photo=_prepared(path, data, max(_SHOWN_SIDE, geometry.size), geometry.fit).content,
        grid=found.grid,
        label=found.label,
        probabilities=probabilities,
        caption=f"{path.name} · {named}",
    )
    atomic_write(out, render_explanation(shown))
    return {
        "path": str(path),
        "label": max(probabilities, key=lambda label: probabilities[label]),
        "probabilities": probabilities,
        "explained": found.label,
        "largest_drop": found.largest_drop,
        "grid": found.grid.round(4).tolist(),
        "out": str(out),
    }


def _prepared(path: Path, data: bytes, size: int, fit: str) -> PreparedImage:
    try:
        return prepare_image(data, size, fit)
    except ImageRejectedError as error:
        raise BadInputError(f"{path}: {error.message}", error.hint) from error
