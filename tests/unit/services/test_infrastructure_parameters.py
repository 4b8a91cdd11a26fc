"""The parameters of the infrastructure are what was asked for, as Bicep writes it."""

from __future__ import annotations

import shlex
from typing import Any

import pytest

from flowerops.errors import UsageError
from flowerops.services.infrastructure import InfrastructureRequest, infrastructure

MEMBER = "11111111-2222-3333-4444-555555555555"


def asked(**more: Any) -> InfrastructureRequest:
    return InfrastructureRequest(
        **{"stage": "dev", "name": "garden", "group": "rg-garden", "location": "westeurope", **more}
    )


def test_the_parameters_say_what_was_asked_for() -> None:
    made = infrastructure(asked(stage="prod", members=(MEMBER,), issuer="https://i", subject="repo:a/b", private=True))
    lines = made.parameters.splitlines()
    for line in (
        "using './main.bicep'",
        "param environment = 'prod'",
        "param name = 'garden'",
        f"param dataScientists = ['{MEMBER}']",
        "param ciIssuer = 'https://i'",
        "param ciSubject = 'repo:a/b'",
        "param privateNetwork = true",
        "param priority = 'Dedicated'",
    ):
        assert line in lines
    assert made.files[-1].path == "infra/prod.bicepparam"
    assert "infra/main.bicep" in [file.path for file in made.files]
    assert "infra/dev.bicepparam" not in [file.path for file in made.files]


def test_a_subject_cannot_leave_its_quotes() -> None:
    made = infrastructure(asked(issuer="https://i", subject="a'b${c}\\d"))
    assert r"param ciSubject = 'a\'b\${c}\\d'" in made.parameters.splitlines()


def test_two_commands_make_it() -> None:
    group, deployment = map(shlex.split, infrastructure(asked(subscription=MEMBER)).commands)
    assert group == [
        "az",
        "group",
        "create",
        "--name",
        "rg-garden",
        "--location",
        "westeurope",
        "--subscription",
        MEMBER,
    ]
    assert deployment[:6] == ["az", "deployment", "group", "create", "--resource-group", "rg-garden"]
    assert deployment[deployment.index("--parameters") + 1] == "infra/dev.bicepparam"


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "Garden"},
        {"name": "a"},
        {"name": "twelveletters"},
        {"group": "rg; rm -rf"},
        {"group": "ends."},
        {"location": "West Europe"},
        {"members": ("somebody",)},
        {"subscription": "mine"},
        {"issuer": "https://i"},
        {"subject": "s"},
        {"issuer": "https://i", "subject": "a\nb"},
    ],
)
def test_what_azure_would_refuse_is_refused_here(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        infrastructure(asked(**wrong))
