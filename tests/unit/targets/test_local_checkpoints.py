"""Whose checkpoints a training takes, refuses or deletes, and which ones nobody can go on from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from flowerops.domain.build import BuildInfo, CodeInfo
from flowerops.domain.bundle import VersionRef
from flowerops.domain.params import TrainParams
from flowerops.domain.steps import StepContext
from flowerops.errors import BadInputError
from flowerops.ml.checkpoint_files import Checkpoint, write_checkpoint
from flowerops.ml.checkpoint_place import CheckpointPlace, checkpoints_in
from flowerops.ml.fingerprint import decisive, software
from flowerops.targets.local.checkpoints import claim_checkpoints, unused_checkpoints
from flowerops.targets.local.home import Home
from flowerops.targets.protocol import Checkpointing, StepRequest

DATA, OTHER_DATA = "a" * 64, "b" * 64
TEN = TrainParams(epochs=10)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def request(params: TrainParams, checkpoints: Checkpointing = "resume", data: str = DATA) -> StepRequest:
    context = StepContext(
        build=BuildInfo(kind="laptop", id="tester"), code=CodeInfo(), processed=VersionRef(name="flowers", digest=data)
    )
    return StepRequest("train", {}, params, context, checkpoints=checkpoints)


def interrupted(home: Home, params: TrainParams, **software_then: str) -> Path:
    """The folder of a training that ended after its third epoch."""
    folder = claim_checkpoints(home, request(params))
    fingerprint = {"data": DATA, "params": decisive(params), **software(), **software_then}
    with CheckpointPlace(folder, "run-1", DATA).held():
        write_checkpoint(
            folder, Checkpoint(3, {"val_loss": [0.5] * 3}, {"model-000": np.zeros(2)}), "run-1", fingerprint
        )
    return folder


def test_the_same_training_goes_on_and_one_on_other_data_has_a_place_of_its_own(home: Home) -> None:
    folder = interrupted(home, TEN)
    assert claim_checkpoints(home, request(TEN)) == folder
    assert claim_checkpoints(home, request(TEN.model_copy(update={"threads": 2, "tensorboard": True}))) == folder
    assert claim_checkpoints(home, request(TrainParams(epochs=5), data=OTHER_DATA)) != folder


def test_other_parameters_are_refused_with_all_that_differs(home: Home) -> None:
    folder = interrupted(home, TEN)
    with pytest.raises(BadInputError) as caught:
        claim_checkpoints(home, request(TrainParams(epochs=5, seed=7)))
    message = caught.value.message
    assert message.startswith("run run-1 on this data was interrupted after epoch 3; ")
    assert "its params.epochs is 10 and not 5" in message
    assert "its params.seed is 42 and not 7" in message
    assert "--fresh" in str(caught.value.hint)
    assert caught.value.details["checkpoints"] == str(folder)


def test_fresh_forgets_all_that_were_interrupted(home: Home) -> None:
    folder = interrupted(home, TEN)
    claimed = claim_checkpoints(home, request(TrainParams(epochs=5), "fresh"))
    assert claimed != folder and not folder.exists()
    interrupted(home, TEN)
    assert checkpoints_in(claim_checkpoints(home, request(TEN, "fresh"))) == []


def test_a_training_that_goes_on_is_left_alone_and_stands_in_nobodys_way(home: Home) -> None:
    folder = interrupted(home, TEN)
    with CheckpointPlace(folder, "run-1", DATA).held():
        claim_checkpoints(home, request(TrainParams(epochs=5)))
        claim_checkpoints(home, request(TrainParams(epochs=5), "fresh"))
    assert checkpoints_in(folder)


def test_checkpoints_of_software_that_is_gone_are_garbage_and_others_are_not(home: Home) -> None:
    (home.datasets / "flowers_processed" / DATA[:16]).mkdir(parents=True)
    folder = interrupted(home, TEN)
    assert list(unused_checkpoints(home)) == []
    interrupted(home, TEN, keras="0.1")
    ((path, why),) = unused_checkpoints(home)
    assert path == folder
    assert why.startswith("checkpoints of a training whose keras is 0.1 and not ")
