"""deploy --local-preview: a model in the server of a managed endpoint, on this machine, while it is smoke-tested."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flowerops.domain.names import Selector
from flowerops.services.deploy import prove
from flowerops.services.pipeline import Caller
from flowerops.services.selection import find_model
from flowerops.services.smoke import SmokeResult
from flowerops.serving.inference_server import PreviewedModel, check_python, inference_server
from flowerops.serving.snapshot import serving_snapshot
from flowerops.targets.protocol import ModelVersion, Probe, Target

_WARMUP_S = 30.0


@dataclass(frozen=True)
class Previewed:
    """A model that passed its smoke test in the server of a managed endpoint."""

    model: ModelVersion
    smoke: SmokeResult

    def document(self) -> dict[str, Any]:
        """The result's JSON members."""
        return {
            "preview": True,
            "model": self.model.ref.model_dump(),
            "smoke": self.smoke.document(),
        }


def preview(target: Target, selector: Selector, python: Path, caller: Caller) -> Previewed:
    """Serve a model version as a managed endpoint would, with the code that a deployment gets, and smoke-test it.

    Args:
        target: Where the model is registered.
        selector: Which version; the champion when no number is given.
        python: The interpreter of the environment made from locks/azure-serve.txt.
        caller: Told what goes on.

    Raises:
        UsageError: That environment is missing.
        RemoteError: The server did not start.
        SmokeTestFailedError: It answered, but not as it must.
    """
    check_python(python)
    model = find_model(target, selector)
    bundle = target.models.open(model)
    served = PreviewedModel(bundle, model.name, model.version, model.digest)
    with target.storage.workspace() as folder:
        code = serving_snapshot(folder / "code")
        caller.progress.message(f"starting {model} in the Azure ML inference server")
        with inference_server(python, code, served, folder / "server.log") as url:
            smoke = prove(Probe(url, has_health_routes=False, warmup_s=_WARMUP_S), model)
    return Previewed(model, smoke)
