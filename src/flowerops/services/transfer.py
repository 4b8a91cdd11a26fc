"""Model versions from one target to another: pull and push."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

from flowerops.domain.bundle import KERAS_FILE
from flowerops.domain.champions import TERM_TAG
from flowerops.domain.names import Selector
from flowerops.errors import UsageError
from flowerops.io.hashing import verify_seal
from flowerops.io.keras_archive import check_keras_archive
from flowerops.io.surroundings import now
from flowerops.services.pipeline import Caller
from flowerops.services.promote import make_champion
from flowerops.services.register import PROMOTION
from flowerops.services.selection import champion_of, find_model
from flowerops.targets.protocol import ARCHIVED_TAG, ModelVersion, Target

Verb = Literal["pulled", "pushed"]
_NOT_CARRIED = {TERM_TAG, PROMOTION, ARCHIVED_TAG}
"""Tags about a version's office in its own registry, which say nothing about it in another."""


@dataclass(frozen=True)
class TransferRequest:
    """verb: names the tags that record it. origin: where the source is, for those tags.

    champion: whether it is to become the champion at the destination, too, which needs a reason.
    """

    model: Selector
    verb: Verb
    origin: str
    champion: bool = False
    reason: str | None = None


@dataclass(frozen=True)
class Transferred:
    """source: the version that was copied. model: what it is at the destination; None before. existed: before this."""

    source: ModelVersion
    model: ModelVersion | None
    existed: bool
    champion_before: ModelVersion | None

    def document(self) -> dict[str, Any]:
        """The result's JSON members; without a destination's version number in a plan."""
        there, before = self.model, self.champion_before
        return {
            "source": {"name": self.source.name, "version": self.source.version},
            "model": {
                "name": self.source.name,
                "version": there.version if there else None,
                "digest": self.source.digest,
            },
            "existed": self.existed,
            "champion": there.champion if there else False,
            "champion_before": str(before) if before else None,
            "tags": dict(there.tags) if there else {},
        }


def plan(source: Target, destination: Target, request: TransferRequest) -> Transferred:
    """What `transfer` would do.

    Raises:
        BadInputError: The source has no such model.
        UsageError: `champion` without a reason.
    """
    if request.champion and not (request.reason or "").strip():
        raise UsageError("--champion needs --reason", "It goes past the gate; say why, it is recorded with the model.")
    model = find_model(source, request.model)
    there = destination.models.versions(model.name)
    same = next((one for one in there if one.digest == model.digest), None)
    return Transferred(model, same, same is not None, champion_of(there))


def transfer(source: Target, destination: Target, request: TransferRequest, caller: Caller) -> Transferred:
    """Register a model version at the destination, too; one with the same bundle stays as it is.

    Its number is the destination's next, its tags are the source's and where it came from. The run that made it is
    named, and stays where it is.

    Raises:
        BadInputError: The source has no such model, or its Keras file is more than a plain network.
        UsageError: `champion` without a reason.
        StoreIntegrityError: The bundle is not what was registered.
    """
    name = plan(source, destination, request).source.name
    destination.storage.announce()
    with destination.models.registration(name):
        found = plan(source, destination, request)
        model = found.model or _register(source, destination, found.source, request, caller)
        if request.champion and not model.champion:
            make_champion(destination, model, request.reason or "", caller)
        now_there = find_model(destination, Selector(name, model.version))
    return replace(found, model=now_there)


def _register(
    source: Target, destination: Target, model: ModelVersion, request: TransferRequest, caller: Caller
) -> ModelVersion:
    bundle = source.models.open(model)
    verify_seal(bundle, model.digest)
    if (bundle / KERAS_FILE).exists():
        check_keras_archive(bundle / KERAS_FILE)  # a stranger may have registered it
    verb, place = request.verb, f"{request.origin}/{model}"
    said = {f"{verb}_from": place, f"{verb}_by": caller.build.id, f"{verb}_at": now()}
    carried = {key: value for key, value in model.tags.items() if key not in _NOT_CARRIED}
    return destination.models.register(model.name, bundle, model.run_id or "", {**carried, **said})
