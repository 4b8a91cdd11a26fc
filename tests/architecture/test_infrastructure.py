"""The Bicep files, as far as they can be judged without Azure.

They parse, modules and parameters fit together, properties have the names that the SDK knows, and nobody gets a right
that is not needed. There is no Bicep compiler in the package registries that the tests install from; the parser is one
of its own (pycep), so the types of values are not checked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

INFRA = Path(__file__).resolve().parents[2] / "infra"
FILES = sorted(INFRA.rglob("*.bicep"))
PARAMETERS = sorted(INFRA.glob("*.bicepparam"))
ROLES = {
    "b24988ac-6180-42a0-ab88-20f7382dd24c": "contributor",
    "00482a5a-887f-4fb3-b363-3b7fe8e74483": "keyVaultAdministrator",
    "ba92f5b4-2d11-453d-a403-e96b0029c9fe": "storageBlobDataContributor",
    "69566ab7-960f-475b-8e7c-b3118f30c6bd": "storageFileDataPrivilegedContributor",
    "f6c7c914-8db3-469d-8ca1-694a8f32e121": "azureMlDataScientist",
    "e503ece1-11d0-4e8e-8e2c-7a6c3bf38815": "azureMlComputeOperator",
    "7f951dda-4ed3-4680-a7ca-43fe172d538d": "acrPull",
    "8311e382-0749-4cb8-b61a-304f252e45ec": "acrPush",
}
"""Azure's built-in roles; the first two are the workspace's own, on what belongs to it."""


@cache
def _parsed(path: Path) -> dict[str, Any]:
    from pycep import BicepParser

    document: dict[str, Any] = BicepParser().parse(text=path.read_text(encoding="utf-8"))
    return document


def _resources(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Names and bodies, those of loops and conditions as well."""
    for name, resource in _parsed(path).get("resources", {}).items():
        config = resource["config"]
        while "config" in config:
            config = config["config"]
        yield name, {**resource, "config": config}


def _of_type(kind: str) -> list[tuple[Path, str, dict[str, Any]]]:
    return [
        (path, name, found) for path in FILES for name, found in _resources(path) if found["type"] == kind
        and not found["existing"]
    ]  # fmt: skip


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_file_parses(path: Path) -> None:
    assert _parsed(path)


def test_modules_get_what_they_ask_for_and_every_file_is_used() -> None:
    used = set()
    for module in _parsed(INFRA / "main.bicep")["modules"].values():
        path = INFRA / module["detail"]["path"]
        used.add(path)
        config = module["config"]
        while "params" not in config:
            config = config["config"]
        declared = _parsed(path)["parameters"]
        required = {name for name, one in declared.items() if one.get("default") is None}
        assert required <= set(config["params"]) <= set(declared), path.name
    assert used == {path for path in FILES if path.name != "main.bicep"}


def test_outputs_that_are_asked_for_are_there() -> None:
    text = (INFRA / "main.bicep").read_text(encoding="utf-8")
    modules = {name: INFRA / one["detail"]["path"] for name, one in _parsed(INFRA / "main.bicep")["modules"].items()}
    asked = re.findall(r"\b(\w+)\.outputs\.(\w+)", text)
    assert len(asked) > 20
    for module, output in asked:
        assert output in _parsed(modules[module])["outputs"], f"{module}.outputs.{output}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_parameter_and_no_variable_is_useless(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for name in [*_parsed(path).get("parameters", {}), *_parsed(path).get("variables", {})]:
        assert len(re.findall(rf"\b{name}\b", text)) > 1, name


def _given(path: Path) -> dict[str, str]:
    return dict(re.findall(r"^param (\w+) = (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE))


@pytest.mark.parametrize("path", PARAMETERS, ids=lambda path: path.name)
def test_parameters_are_the_templates(path: Path) -> None:
    declared = _parsed(INFRA / "main.bicep")["parameters"]
    assert path.read_text(encoding="utf-8").startswith("using './main.bicep'\n")
    for name, value in _given(path).items():
        assert name in declared
        allowed = [one["argument"] for one in declared[name]["decorators"] if one["type"] == "allowed"]
        assert not allowed or value.strip("'") in allowed[0]
    assert _given(path)["environment"] == f"'{path.stem}'"


def test_both_stages_say_the_same_things() -> None:
    assert [path.stem for path in PARAMETERS] == ["dev", "prod"]
    assert _given(PARAMETERS[0]).keys() == _given(PARAMETERS[1]).keys()


def test_what_was_asked_for_is_there() -> None:
    kinds = {found["type"] for path in FILES for _, found in _resources(path) if not found["existing"]}
    assert kinds >= {
        "Microsoft.MachineLearningServices/workspaces",
        "Microsoft.MachineLearningServices/workspaces/computes",
        "Microsoft.Storage/storageAccounts",
        "Microsoft.KeyVault/vaults",
        "Microsoft.ContainerRegistry/registries",
        "Microsoft.Insights/components",
        "Microsoft.OperationalInsights/workspaces",
        "Microsoft.ManagedIdentity/userAssignedIdentities",
        "Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials",
        "Microsoft.Authorization/roleAssignments",
        "Microsoft.Network/privateEndpoints",
    }


def test_an_idle_cluster_costs_nothing() -> None:
    clusters = _of_type("Microsoft.MachineLearningServices/workspaces/computes")
    assert [name for _, name, _ in clusters] == ["cpu", "gpu"]
    for _, _, cluster in clusters:
        properties = cluster["config"]["properties"]
        assert properties["properties"]["scaleSettings"]["minNodeCount"] == 0
        assert properties["properties"]["remoteLoginPortPublicAccess"] == "Disabled"
        assert properties["disableLocalAuth"] is True


def test_the_cluster_has_the_name_that_commands_look_for() -> None:
    from flowerops.settings import Settings

    name = _of_type("Microsoft.MachineLearningServices/workspaces/computes")[0][2]["config"]["name"]
    assert name == Settings.model_fields["compute"].default


def test_every_right_is_on_one_resource_and_is_one_of_the_few() -> None:
    for path, name, assignment in _of_type("Microsoft.Authorization/roleAssignments"):
        assert assignment["config"]["scope"] in {"storage", "vault", "registry", "insights", "workspace"}, name
        ids = re.findall(r"^var (\w+) = '([0-9a-f-]{36})'$", path.read_text(encoding="utf-8"), re.MULTILINE)
        assert ids
        for variable, identifier in ids:
            assert ROLES[identifier] == variable
        if path.name == "roles.bicep":
            assert not {"contributor", "keyVaultAdministrator"} & {variable for variable, _ in ids}


def test_nothing_has_a_password() -> None:
    (_, _, registry), *_ = _of_type("Microsoft.ContainerRegistry/registries")
    assert registry["config"]["properties"]["adminUserEnabled"] is False
    (_, _, vault), *_ = _of_type("Microsoft.KeyVault/vaults")
    assert vault["config"]["properties"]["enableRbacAuthorization"] is True
    text = "".join(re.sub(r"//.*", "", path.read_text(encoding="utf-8")) for path in [*FILES, *PARAMETERS])
    assert not re.search(r"listKeys|secure\(\)|secret", text, re.IGNORECASE)


def _names_of(model: Any) -> set[str]:
    """The names that a class of the SDK's own client has in JSON."""
    kinds = [kind for kind in model.__mro__ if kind.__module__.startswith("azure.ai.ml")]
    fields = {name: value for kind in reversed(kinds) for name, value in vars(kind).items()}
    found = (getattr(value, "_rest_name_input", None) or name for name, value in fields.items() if _is_field(value))
    return set(found)


def _is_field(value: object) -> bool:
    return type(value).__name__ == "_RestField"


def test_properties_have_the_names_that_the_sdk_knows() -> None:
    from azure.ai.ml._restclient.arm_ml_service import models

    (_, _, workspace), *_ = _of_type("Microsoft.MachineLearningServices/workspaces")
    assert set(workspace["config"]["properties"]) <= _names_of(models.WorkspaceProperties)
    for _, _, cluster in _of_type("Microsoft.MachineLearningServices/workspaces/computes"):
        properties = cluster["config"]["properties"]
        assert set(properties) <= _names_of(models.AmlCompute)
        assert set(properties["properties"]) <= _names_of(models.AmlComputeProperties)
        assert set(properties["properties"]["scaleSettings"]) <= _names_of(models.ScaleSettings)
