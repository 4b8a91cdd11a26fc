from __future__ import annotations

from pathlib import Path

import pytest

from flowerops.cli.console import Console
from flowerops.cli.summaries import publish_summary
from flowerops.errors import FlowerOpsError

TEXT = "## Evaluation\n\n[markup] stays\n"


@pytest.fixture
def summary(tmp_path: Path) -> Path:
    file = tmp_path / "100 % [bold] home" / "summary.md"
    file.parent.mkdir()
    file.write_text(TEXT)
    return file


def test_nobody_is_told_where_nobody_asked(summary: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    publish_summary(Console("evaluate", as_json=False), summary, None, {"TF_BUILD": "", "GITHUB_STEP_SUMMARY": ""})
    assert capsys.readouterr() == ("", "")


def test_a_file_is_written_where_it_is_wanted(summary: Path, tmp_path: Path) -> None:
    publish_summary(Console("evaluate", as_json=False), summary, tmp_path / "deep/er.md", {})
    assert (tmp_path / "deep/er.md").read_text() == TEXT
    (tmp_path / "file").write_text("")
    with pytest.raises(FlowerOpsError, match="Not a directory"):
        publish_summary(Console("evaluate", as_json=False), summary, tmp_path / "file/er.md", {})


def test_github_gets_it_after_what_its_file_holds(summary: Path, tmp_path: Path) -> None:
    page = tmp_path / "step.md"
    page.write_text("before\n")
    publish_summary(Console("evaluate", as_json=True), summary, None, {"GITHUB_STEP_SUMMARY": str(page)})
    assert page.read_text() == "before\n" + TEXT + "\n"


def test_a_job_page_that_cannot_be_written_is_a_warning(
    summary: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gone = {"GITHUB_STEP_SUMMARY": str(tmp_path / "gone" / "step.md")}
    publish_summary(Console("evaluate", as_json=True), summary, None, gone)
    out, err = capsys.readouterr()
    assert out == ""
    assert "was not written" in err


def test_the_azure_agent_is_told_in_one_line_on_stderr(summary: Path, capsys: pytest.CaptureFixture[str]) -> None:
    publish_summary(Console("evaluate", as_json=True), summary, None, {"TF_BUILD": "True"})
    out, err = capsys.readouterr()
    assert out == ""
    path = str(summary.resolve()).replace("%", "%AZP25")
    assert err == f"##vso[task.uploadsummary]{path}\n"
