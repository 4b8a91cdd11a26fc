"""The documentation as a site: its pages are there, follow from the program, and need no other server."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
WRITTEN_BY_OTHERS = {
    *("benchmarks.md", "ci-cd.md", "deployment.md", "infrastructure.md", "registry.md"),
    *("scoring-and-drift.md", "serving.md"),
}
"""Pages that have a place in the navigation before they are written."""
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")


def _module(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _config() -> dict[str, Any]:
    found = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    assert isinstance(found, dict)
    return found


def _pages(entry: Any) -> list[str]:
    if isinstance(entry, list | dict):
        return [page for inner in (entry.values() if isinstance(entry, dict) else entry) for page in _pages(inner)]
    return [str(entry)]


@pytest.mark.parametrize(("name", "text"), _module(DOCS / "generate.py").pages().items())
def test_a_page_of_the_reference_is_what_the_program_says(name: str, text: str) -> None:
    assert (DOCS / name).read_text(encoding="utf-8") == text, "run: make reference"


def test_every_page_has_a_place_in_the_navigation() -> None:
    there = {path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")}
    decisions = {page for page in there if page.startswith("adr/0")}
    assert there - decisions - set(_pages(_config()["nav"])) == set(), "name the page in mkdocs.yml"


def test_every_page_of_the_navigation_is_there() -> None:
    pages = _pages(_config()["nav"])
    assert len(pages) == len(set(pages))
    assert [page for page in pages if not (DOCS / page).is_file() and page not in WRITTEN_BY_OTHERS] == []


def test_the_hook_leaves_out_what_is_not_there_and_nothing_else() -> None:
    from types import SimpleNamespace

    config = SimpleNamespace(docs_dir=str(DOCS), nav=[{"A": "index.md"}, {"B": [{"C": "nowhere.md"}, "tutorial.md"]}])
    kept = _module(DOCS / "hooks.py").on_config(config).nav
    assert kept == [{"A": "index.md"}, {"B": ["tutorial.md"]}]


def test_the_site_is_strict_and_loads_nothing_from_other_servers() -> None:
    config = _config()
    assert config["strict"] is True
    assert config["theme"]["font"] is False
    assert all((DOCS / file).is_file() for file in [*config.get("extra_css", []), *config.get("extra_javascript", [])])
    assert "mermaid" not in (ROOT / "mkdocs.yml").read_text()
    assert all("```mermaid" not in path.read_text(encoding="utf-8") for path in DOCS.rglob("*.md"))


def test_links_between_documents_lead_somewhere() -> None:
    broken = []
    for page in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *DOCS.rglob("*.md")]:
        for link in _LINK.findall(page.read_text(encoding="utf-8")):
            target = link.partition("#")[0]
            if target and "://" not in target and not (page.parent / target).exists():
                broken.append(f"{page.relative_to(ROOT)}: {link}")
    assert broken == []


def test_every_old_variable_is_in_the_migration_guide() -> None:
    from flowerops.services.configuration import variables_of
    from flowerops.settings import Settings

    text = (DOCS / "migration.md").read_text(encoding="utf-8")
    for name in Settings.model_fields:
        own, *old = variables_of(name)
        for variable in old:
            if not variable.startswith("AZUREML_ARM_"):  # those are Azure ML's own, inside jobs
                assert f"`{variable}`" in text, variable
                assert f"`{own}`" in text, own


def test_the_page_of_licences_names_what_the_locks_name() -> None:
    licences = _module(DOCS / "licences.py")
    said = licences.rows((DOCS / "licences.md").read_text(encoding="utf-8"))
    assert {key: locks for key, (_, locks) in said.items()} == {
        key: ", ".join(locks) for key, locks in licences.pins().items()
    }, "run: make reference"
    assert sum("not read" in licence for licence, _ in said.values()) < len(said) / 10
