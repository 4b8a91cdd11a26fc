"""Torture case 2: a deploy that is killed at any change leaves the old model serving and a state that can be read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from flowerops.io.http import send
from flowerops.targets.local.endpoint_store import EndpointStore
from flowerops.targets.local.processes import daemons_with
from helpers.local_endpoints import DAISY, NAME, deploy, local_deployments, model
from torture.harness import kill_at_each_change, watch

_PROGRAM = """
import os, sys
from pathlib import Path

os.environ.pop("PYTHONPATH")  # the servers outlive their starter; only the deploy itself is to be killed
from flowerops.domain.deployment import ModelRef
from flowerops.targets.local.deployments import LocalDeployments

root, bundle, digest = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
local = LocalDeployments(root, grace_s=5)
with local.deploying("flowers"):
    started = local.start("flowers", bundle, ModelRef(name="flower_classifier", version=2, digest=digest))
    local.split("flowers", started, 50)
    local.activate("flowers", started)
"""


@pytest.mark.parametrize(("stride", "kills"), [(16, 1), pytest.param(5, 5, marks=pytest.mark.slow)])
def test_every_kill_leaves_the_old_model_serving_until_the_new_one_does(
    tiny_bundle: Path, tmp_path: Path, stride: int, kills: int
) -> None:
    root = tmp_path / "endpoints"
    with local_deployments(root) as local:
        deploy(local, tiny_bundle, 1)
        url, store = local.find(NAME).url, EndpointStore(root, NAME)
        answered: list[set[int]] = []

        def look() -> None:
            found = local.find(NAME)
            assert found.status == "running"
            answers = [send("POST", f"{url}/score", DAISY, timeout_s=60) for _ in range(4)]
            assert [one.status for one in answers] == [200] * 4
            answered.append({one.json()["model"]["version"] for one in answers})
            assert answered[-1] <= {1, 2}
            active = found.deployment("active")
            assert active is not None
            assert active.model.version in answered[-1]
            if found.canary is None:
                assert answered[-1] == {active.model.version}

        arguments = [str(root), str(tiny_bundle), model(tiny_bundle).digest]
        count = watch(look, kill_at_each_change(_PROGRAM, arguments, root, stride))
        look()
        assert count >= kills
        assert answered[0] == {1}
        assert answered[-1] == {2}
        # Whatever the kills left behind is gone with the next change, and no server is on nobody's record.
        local.start(NAME, tiny_bundle, model(tiny_bundle, 3))
        records = {one.pid for one in store.load().processes}
        assert {one.pid for one in daemons_with(store.logs)} <= records
        local.stop(NAME)
        assert daemons_with(store.logs) == []
        assert json.loads(store.state_file.read_text())["candidate"] is None
