"""Installed packages that do not go together, told from their names and versions alone."""

from __future__ import annotations

from collections.abc import Mapping

from flowerops.domain.doctor import Diagnosis, diagnosis

_CHECK = "packages"
BOTH_TENSORFLOWS = "tensorflow and tensorflow-cpu are installed into the same folder, and one overwrote the other"


def version_traps(installed: Mapping[str, str], env: Mapping[str, str]) -> list[Diagnosis]:
    """What pip does not refuse and flowerops suffers from.

    Args:
        installed: Versions by package name, in lower case with hyphens.
        env: The variables of the process.
    """
    found = [_two_tensorflows(installed), _server_beside_sdk(installed), _two_mlflows(installed), _no_bytecode(env)]
    return [one for one in found if one is not None]


def _two_tensorflows(installed: Mapping[str, str]) -> Diagnosis | None:
    if not {"tensorflow", "tensorflow-cpu"} <= installed.keys():
        return None
    to_do = "pip uninstall tensorflow tensorflow-cpu, then install the one you want"
    return diagnosis(_CHECK, "problem", BOTH_TENSORFLOWS, to_do)


def _server_beside_sdk(installed: Mapping[str, str]) -> Diagnosis | None:
    if "azureml-inference-server-http" not in installed or "azure-ai-ml" not in installed:
        return None
    found = "azureml-inference-server-http pins older pydantic and opentelemetry than this installation wants"
    return diagnosis(_CHECK, "problem", found, "Give it an environment of its own: make serve-env")


def _two_mlflows(installed: Mapping[str, str]) -> Diagnosis | None:
    whole, skinny = installed.get("mlflow"), installed.get("mlflow-skinny")
    if whole is None or skinny is None or whole == skinny:
        return None
    found = f"mlflow {whole} and mlflow-skinny {skinny} share one folder and differ"
    return diagnosis(_CHECK, "problem", found, f"pip install mlflow-skinny=={whole}")


def _no_bytecode(env: Mapping[str, str]) -> Diagnosis | None:
    if not env.get("PYTHONDONTWRITEBYTECODE"):
        return None
    found = (
        "PYTHONDONTWRITEBYTECODE is set: unless bytecode was made at installation, TensorFlow loads in twice the time"
    )
    return diagnosis(_CHECK, "note", found, "unset PYTHONDONTWRITEBYTECODE, or install with uv pip --compile-bytecode")
