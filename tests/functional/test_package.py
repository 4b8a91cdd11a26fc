"""flowerops package: the build context, and what an image made of it would run, without a container engine."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from flowerops.io.http import send
from flowerops.services.smoke import run_smoke_test
from flowerops.services.smoke_cases import cases_from_bundle
from flowerops.serving.admission import Limits
from flowerops.targets.local.target import LocalTarget
from flowerops.targets.protocol import Probe
from helpers.command import Outcome, flowerops
from helpers.served import ServerUnderTest, wait_until
from helpers.unprivileged import as_nobody, open_folder

ROOT = Path(__file__).resolve().parents[2]
KEY = "a-key-for-tests"


@pytest.fixture(scope="session")
def place(tiny_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a home in which the tiny model is registered."""
    place = tmp_path_factory.mktemp("packaging")
    LocalTarget(place / ".flowerops").models.register("flower_classifier", tiny_bundle, "run-1", {})
    return place


@pytest.fixture(scope="session")
def context(place: Path) -> Path:
    """What the command wrote."""
    assert flowerops("package", "flower_classifier", "image", cwd=place).code == 0
    return place / "image"


@pytest.fixture(scope="session")
def image(context: Path) -> Iterator[Path]:
    """What the Dockerfile would make of it, for everybody to read: `venv` as /opt/venv, `srv` as /srv."""
    with open_folder() as folder:
        for name in ("app", "bundle"):
            shutil.copytree(context / name, folder / "srv" / name)
        uv, python = Path(sys.executable).with_name("uv"), folder / "venv/bin/python"
        subprocess.run([uv, "venv", "-q", "--python", sys.executable, folder / "venv"], check=True, timeout=120)
        install = [uv, "pip", "install", "-q", "--python", python, "--no-deps", "--only-binary", ":all:"]
        install += ["--require-hashes", "-r", context / "requirements.txt"]
        subprocess.run(install, check=True, timeout=240)
        yield folder


def instruction(context: Path, name: str) -> list[str]:
    """The exec form of an instruction of the Dockerfile."""
    text = (context / "Dockerfile").read_text()
    found = re.search(rf"^(?:.* )?{name} (\[.*\])$", text, re.MULTILINE)
    assert found is not None
    words: list[str] = json.loads(found[1])
    return words


def inside(words: list[str], image: Path) -> list[str]:
    return [word.replace("/opt/venv", f"{image}/venv").replace("/srv", f"{image}/srv") for word in words]


def package(place: Path, *arguments: str, env: dict[str, str] | None = None) -> Outcome:
    return flowerops("package", *arguments, "--json", cwd=place, env=env)


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_context_is_small_complete_and_readable_by_another_user(context: Path) -> None:
    names = {path.name for path in context.iterdir()}
    assert names == {
        *("Dockerfile", ".dockerignore", "README.md", "requirements.txt", "sbom.cdx.json", "flowerops-package.json"),
        *("app", "bundle"),
    }
    for path in context.rglob("*"):
        assert path.stat().st_mode & 0o004, path
    rooms = {path.name for path in (context / "app/flowerops").iterdir()}
    assert rooms == {"__init__.py", "domain", "errors.py", "images", "io", "serving"}


def test_the_dockerfile_is_hardened_and_says_how_to_pin_its_base(context: Path) -> None:
    text = (context / "Dockerfile").read_text()
    assert "ARG BASE_IMAGE=python:3.11-slim-bookworm\n" in text
    assert "@sha256:<DIGEST>" in text
    assert "--require-hashes" in text
    assert re.search(r"^USER 10001:10001$", text, re.MULTILINE)
    assert "HEALTHCHECK" in text
    assert "STOPSIGNAL SIGTERM" in text
    copied = set(re.findall(r"^COPY (?!--from)(\S+)", text, re.MULTILINE))
    ignored = (context / ".dockerignore").read_text()
    assert all(f"!{name}" in ignored.splitlines() for name in copied)


def test_requirements_are_hashed_and_of_the_serving_lock_only(context: Path) -> None:
    text = (context / "requirements.txt").read_text()
    lock = (ROOT / "locks/serve.txt").read_text()
    blocks = re.split(r"^(?=[a-z0-9][a-z0-9._-]*==)", text, flags=re.MULTILINE)[1:]
    assert all("--hash=sha256:" in block for block in blocks)
    pins = {block.split(" \\")[0] for block in blocks}
    assert pins <= {line.split(" \\")[0] for line in lock.splitlines() if "==" in line}
    assert not {pin.split("==")[0] for pin in pins} & {"typer", "rich", "filelock", "pydantic-settings", "tensorflow"}


def test_the_sbom_has_what_is_really_installed(context: Path, image: Path) -> None:
    sbom = json.loads((context / "sbom.cdx.json").read_text())
    assert (sbom["bomFormat"], sbom["specVersion"]) == ("CycloneDX", "1.6")
    libraries = {one["name"]: one["version"] for one in sbom["components"] if one["type"] == "library"}
    uv = Path(sys.executable).with_name("uv")
    listing = subprocess.run(
        [uv, "pip", "list", "--format", "json", "--python", image / "venv/bin/python"],
        capture_output=True,
        check=True,
        timeout=60,
    )
    assert libraries == {one["name"]: one["version"] for one in json.loads(listing.stdout)}
    kinds = {one["type"] for one in sbom["components"]}
    assert kinds == {"library", "application", "machine-learning-model", "container"}
    refs = {one["bom-ref"] for one in sbom["components"]} | {"image"}
    assert len(refs) == len(sbom["components"]) + 1
    for one in sbom["dependencies"]:
        assert {one["ref"], *one["dependsOn"]} <= refs
    reached, more = set(), {"image"}
    below = {one["ref"]: set(one["dependsOn"]) for one in sbom["dependencies"]}
    while more - reached:
        reached |= more
        more = set().union(*(below.get(ref, set()) for ref in reached))
    assert reached == refs


def test_the_entrypoint_serves_as_somebody_without_rights_and_passes_the_smoke_test(
    context: Path, image: Path, tmp_path: Path
) -> None:
    key = image / "key"
    key.write_text(KEY + "\n")
    key.chmod(0o644)
    command = [*as_nobody(), *inside(instruction(context, "ENTRYPOINT"), image), "--key-file", str(key), "--port", "0"]
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": f"{image}/srv/app", "PYTHONDONTWRITEBYTECODE": "1"}
    before = content(image / "srv")
    log = tmp_path / "log"
    with log.open("wb") as stream, subprocess.Popen(command, stderr=stream, env=env, cwd="/") as process:
        server = ServerUnderTest(process, log)
        try:
            url = server.url
            wait_until(lambda: server.event("ready") is not None or process.poll() is not None, "ready", 60)
            cases = cases_from_bundle(context / "bundle")
            result = run_smoke_test(Probe(url, key=KEY), cases, latency_budget_ms=60_000)
            assert result.passed, result
            assert send("POST", f"{url}/score", cases[0].data).status == 401
            port = url.rpartition(":")[2]
            check = [word.replace("8080", port) for word in inside(instruction(context, "CMD"), image)]
            assert subprocess.run(check, env=env, timeout=60).returncode == 0
            assert server.end() == 0
            assert subprocess.run(check, env=env, timeout=60, stderr=subprocess.DEVNULL).returncode != 0
        finally:
            process.kill()
    assert content(image / "srv") == before
    assert KEY not in log.read_text()


def test_without_a_key_the_entrypoint_ends_with_2(context: Path, image: Path) -> None:
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": f"{image}/srv/app"}
    command = [*inside(instruction(context, "ENTRYPOINT"), image), "--port", "0"]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "FLOWEROPS_API_KEY" in done.stderr


def test_the_same_model_gives_the_same_files_and_replaces_only_what_it_wrote(place: Path, context: Path) -> None:
    document = package(place, "flower_classifier:1", "again").document
    assert document["model"]["version"] == 1
    assert content(place / "again") == content(context)
    assert document["files"] == len(content(context)) - 1  # all but the list itself
    assert package(place, "flower_classifier", "again").code == 0
    (place / "again/Dockerfile").write_text("FROM mine")
    outcome = package(place, "flower_classifier", "again")
    assert (outcome.code, outcome.document["error"]["code"]) == (3, "bad_input")
    assert "Dockerfile" in outcome.document["error"]["message"]
    assert (place / "again/Dockerfile").read_text() == "FROM mine"


def test_a_folder_of_somebody_else_is_left_alone(place: Path) -> None:
    (place / "mine").mkdir()
    (place / "mine/notes.txt").write_text("notes")
    outcome = package(place, "flower_classifier", "mine")
    assert (outcome.code, [path.name for path in (place / "mine").iterdir()]) == (3, ["notes.txt"])


def test_a_dry_run_writes_nothing(place: Path) -> None:
    document = package(place, "flower_classifier", "planned", "--dry-run").document
    assert (document["dry_run"], document["replaces"]) == (True, False)
    assert not (place / "planned").exists()


def test_a_pinned_base_image_stands_in_the_dockerfile_and_the_sbom(place: Path) -> None:
    pinned = f"registry.example.org/python:3.12-slim@sha256:{'a' * 64}"
    document = package(place, "flower_classifier", "pinned", "--base-image", pinned).document
    assert document["pinned"] is True
    assert (
        document["packages"]["numpy"]
        == re.search(
            r"^numpy==(\S+) ; python_full_version >= '3.12'", (ROOT / "locks/serve.txt").read_text(), re.MULTILINE
        )[1]
    )  # type: ignore[index]
    assert f"ARG BASE_IMAGE={pinned}\n" in (place / "pinned/Dockerfile").read_text()
    assert "a" * 64 in (place / "pinned/sbom.cdx.json").read_text()


@pytest.mark.parametrize("name", ["--option", "python:3.11\nRUN bad", "python@sha256:short"])
def test_what_cannot_be_an_image_is_refused(place: Path, name: str) -> None:
    assert package(place, "flower_classifier", "refused", f"--base-image={name}").code == 2
    assert not (place / "refused").exists()


def test_an_unknown_model_and_a_missing_engine_are_told(place: Path) -> None:
    assert package(place, "no_such_model", "nowhere").code == 3
    outcome = package(place, "flower_classifier", "nowhere", "--build", "flowers:1", env={"PATH": str(place)})
    assert (outcome.code, outcome.document["error"]["code"]) == (2, "usage")
    assert "docker" in outcome.document["error"]["message"]
    assert not (place / "nowhere").exists()


@pytest.mark.parametrize(("code", "expected"), [(0, 0), (1, 7)])
def test_an_engine_is_asked_to_build_and_its_failure_is_ours(place: Path, code: int, expected: int) -> None:
    engine = place / "engine"
    engine.mkdir(exist_ok=True)
    (engine / "docker").write_text(f'#!/bin/sh\necho "$@" > {place}/asked\necho cannot connect\nexit {code}\n')
    (engine / "docker").chmod(0o755)
    env = {"PATH": f"{engine}:/usr/bin:/bin"}
    outcome = package(place, "flower_classifier", "built", "--build", "flowers:1", env=env)
    assert outcome.code == expected
    assert (place / "asked").read_text() == f"build -t flowers:1 {place.resolve()}/built\n"
    if code:
        assert "cannot connect" in outcome.document["error"]["message"]
        assert (place / "built/Dockerfile").exists()


def documents(name: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((ROOT / "pipelines" / name).read_text()))


def test_the_kubernetes_example_runs_the_image_as_it_was_made(context: Path) -> None:
    found = {one["kind"]: one for one in documents("kubernetes/flowers.yml")}
    pod = found["Deployment"]["spec"]["template"]
    (server,) = pod["spec"]["containers"]
    assert re.search(r"@sha256:[0-9a-f]{64}$", server["image"])
    assert server["args"][0] == "--key-file"
    assert server["args"][1].startswith(server["volumeMounts"][0]["mountPath"] + "/")
    assert server["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert pod["spec"]["securityContext"]["runAsNonRoot"] is True
    assert f"USER {pod['spec']['securityContext']['runAsUser']}:" in (context / "Dockerfile").read_text()
    assert [port["containerPort"] for port in server["ports"]] == [8080]
    assert server["readinessProbe"]["httpGet"]["path"] == "/readyz"
    assert server["livenessProbe"]["httpGet"]["path"] == "/healthz"
    assert pod["spec"]["terminationGracePeriodSeconds"] > 5 + Limits().drain_seconds + 5
    labels = pod["metadata"]["labels"]
    for kind in ("Service", "PodDisruptionBudget", "NetworkPolicy"):
        spec = found[kind]["spec"]
        selector = spec.get("podSelector") or spec["selector"]
        assert (selector.get("matchLabels") or selector) == labels
    assert found["HorizontalPodAutoscaler"]["spec"]["scaleTargetRef"]["name"] == found["Deployment"]["metadata"]["name"]
    assert found["NetworkPolicy"]["spec"]["egress"] == []


def test_the_container_apps_examples_run_the_image_as_it_was_made() -> None:
    (app,) = documents("container-apps/containerapp.yml")
    configuration, template = app["properties"]["configuration"], app["properties"]["template"]
    (server,) = template["containers"]
    assert app["type"] == "Microsoft.App/containerApps"
    assert (configuration["ingress"]["targetPort"], configuration["ingress"]["allowInsecure"]) == (8080, False)
    (secret,) = configuration["secrets"]
    assert server["args"] == ["--key-file", f"{server['volumeMounts'][0]['mountPath']}/{secret['name']}"]
    assert {probe["type"]: probe["httpGet"]["path"] for probe in server["probes"]} == {
        "Startup": "/readyz",
        "Readiness": "/readyz",
        "Liveness": "/healthz",
    }
    (group,) = documents("container-apps/container-instance.yml")
    (container,) = group["properties"]["containers"]
    assert group["type"] == "Microsoft.ContainerInstance/containerGroups"
    (variable,) = container["properties"]["environmentVariables"]
    assert variable["name"] == "FLOWEROPS_API_KEY"
    assert "value" not in variable
    for one in (server["image"], container["properties"]["image"]):
        assert re.search(r"@sha256:[0-9a-f]{64}$", one)
