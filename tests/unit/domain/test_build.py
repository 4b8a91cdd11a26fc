from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from flowerops.domain.build import build_from_environment

AZURE = {
    "BUILD_BUILDID": "812",
    "SYSTEM_COLLECTIONURI": "https://dev.azure.com/garden/",
    "SYSTEM_TEAMPROJECT": "flowers",
}
GITHUB = {
    "GITHUB_ACTIONS": "true",
    "GITHUB_RUN_ID": "77",
    "GITHUB_SERVER_URL": "https://github.com",
    "GITHUB_REPOSITORY": "garden/flowers",
}


def test_azure_devops_names_its_build():
    build = build_from_environment(AZURE)
    assert (build.kind, build.id) == ("azure-devops", "812")
    assert build.uri == "https://dev.azure.com/garden/flowers/_build/results?buildId=812"


def test_an_older_azure_devops_server_names_its_collection_otherwise():
    env = {**AZURE, "SYSTEM_TEAMFOUNDATIONCOLLECTIONURI": "https://tfs.example/old"}
    del env["SYSTEM_COLLECTIONURI"]
    assert build_from_environment(env).uri == "https://tfs.example/old/flowers/_build/results?buildId=812"


def test_a_project_with_a_blank_in_its_name_gives_a_link_that_works():
    uri = build_from_environment({**AZURE, "SYSTEM_TEAMPROJECT": "My Flowers#1/ü"}).uri
    assert " " not in uri
    assert urlsplit(uri).query == "buildId=812"
    assert uri.startswith("https://dev.azure.com/garden/My%20Flowers%231%2F")


@pytest.mark.parametrize("missing", ["SYSTEM_COLLECTIONURI", "SYSTEM_TEAMPROJECT"])
def test_an_azure_build_without_an_address_keeps_its_id(missing):
    build = build_from_environment({**AZURE, missing: ""})
    assert (build.id, build.uri) == ("812", None)


def test_github_names_its_run():
    build = build_from_environment(GITHUB)
    assert (build.kind, build.id) == ("github", "77")
    assert build.uri == "https://github.com/garden/flowers/actions/runs/77"


def test_a_github_run_without_an_address_keeps_its_id():
    build = build_from_environment({"GITHUB_ACTIONS": "true", "GITHUB_RUN_ID": "77"})
    assert (build.id, build.uri) == ("77", None)


def test_gitlab_names_its_pipeline():
    env = {"GITLAB_CI": "true", "CI_PIPELINE_ID": "9", "CI_PIPELINE_URL": "https://gitlab.com/g/p/-/pipelines/9"}
    build = build_from_environment(env)
    assert (build.kind, build.id, build.uri) == ("gitlab", "9", env["CI_PIPELINE_URL"])
    assert build_from_environment({**env, "CI_PIPELINE_URL": ""}).uri is None
    assert build_from_environment({"CI_PIPELINE_ID": "9"}) is None


@pytest.mark.parametrize(
    "env", [{}, {"CI": "true"}, {"GITHUB_RUN_ID": "77"}, {"BUILD_BUILDID": ""}, {"GITHUB_ACTIONS": "true"}]
)
def test_elsewhere_there_is_no_build(env):
    assert build_from_environment(env) is None
