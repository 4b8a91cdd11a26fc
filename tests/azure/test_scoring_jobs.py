"""Scoring a folder by a parallel job gives what this machine gives."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow.parquet as pq

from helpers.both_targets import Place
from helpers.photos import make_photos

if TYPE_CHECKING:
    from azure_emulator import Emulator


def test_a_job_on_two_machines_gives_the_table_that_this_machine_gives(
    azure: Emulator, workspace_command, subject: str, tiny_bundle: Path, tmp_path: Path
) -> None:
    with azure.here():
        place = Place("azureml", tmp_path / "home", azure.environment())
        place.target.models.register(subject, tiny_bundle, "run-1", {})
    make_photos(tmp_path / "photos", per_class=6)
    (tmp_path / "photos/daisy/page.jpg").write_text("<html>")
    (tmp_path / "photos/roses/twin.jpg").write_bytes((tmp_path / "photos/roses/roses_0000.jpg").read_bytes())
    tables = []
    for name, options in (("job", ("--instances", "2")), ("here", ("--here",))):
        out = tmp_path / f"{name}.parquet"
        done = workspace_command("score", tmp_path / "photos", "--out", out, *options)
        assert done.code == 0, done.stderr + done.stdout
        tables.append(pq.read_table(out))
        document = done.document
        assert (document["files"], document["scored"]) == (14, 13)
        assert [entry["path"] for entry in document["rejected"]] == ["daisy/page.jpg"]
        assert document["scored_on"].startswith({"job": "a parallel job", "here": "this machine"}[name])
    assert tables[0].equals(tables[1])
