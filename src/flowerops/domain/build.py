"""Who built it: the CI system's build, or the person and commit on a laptop."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from flowerops.domain.documents import Document


class CodeInfo(Document):
    """The source that ran: git commit (40 hex digits), whether the work tree differed, and the difference's SHA-256."""

    commit: str | None = None
    dirty: bool = False
    diff_digest: str | None = None


class BuildInfo(Document):
    """The build behind a run. `id` and `uri` become the tags BuildId and BuildUri."""

    kind: str
    id: str
    uri: str | None = None


def build_from_environment(env: Mapping[str, str]) -> BuildInfo | None:
    """Find the CI build in the variables that Azure DevOps, GitHub Actions or GitLab set.

    Source: Azure Pipelines "predefined variables"; GitHub Actions "default environment variables"; GitLab "predefined
    CI/CD variables".
    """
    if env.get("BUILD_BUILDID"):
        return BuildInfo(kind="azure-devops", id=env["BUILD_BUILDID"], uri=_azure_devops_uri(env))
    if env.get("GITHUB_ACTIONS") == "true" and env.get("GITHUB_RUN_ID"):
        server, repository = env.get("GITHUB_SERVER_URL"), env.get("GITHUB_REPOSITORY")
        uri = f"{server}/{repository}/actions/runs/{env['GITHUB_RUN_ID']}" if server and repository else None
        return BuildInfo(kind="github", id=env["GITHUB_RUN_ID"], uri=uri)
    if env.get("GITLAB_CI") == "true" and env.get("CI_PIPELINE_ID"):
        return BuildInfo(kind="gitlab", id=env["CI_PIPELINE_ID"], uri=env.get("CI_PIPELINE_URL") or None)
    return None


def _azure_devops_uri(env: Mapping[str, str]) -> str | None:
    collection = env.get("SYSTEM_COLLECTIONURI") or env.get("SYSTEM_TEAMFOUNDATIONCOLLECTIONURI")
    project = env.get("SYSTEM_TEAMPROJECT")
    if not collection or not project:
        return None
    return f"{collection.rstrip('/')}/{quote(project, safe='')}/_build/results?buildId={env['BUILD_BUILDID']}"
