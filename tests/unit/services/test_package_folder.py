"""Which folders `package` writes into: none in which something of somebody else would be lost."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from flowerops.errors import BadInputError
from flowerops.io.hashing import sha256_file
from flowerops.services.package import MARK, check_folder


@pytest.fixture
def context(tmp_path: Path) -> Path:
    """A folder that an earlier `package` wrote."""
    folder = tmp_path / "image"
    folder.mkdir()
    (folder / "Dockerfile").write_text("FROM scratch\n")
    (folder / MARK).write_text(json.dumps({"files": {"Dockerfile": sha256_file(folder / "Dockerfile")}}))
    return folder


def test_a_folder_of_ours_is_written_again(context: Path) -> None:
    assert check_folder(context) == context


def test_a_link_to_a_folder_is_something_of_the_user(tmp_path: Path, context: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty/photos").symlink_to(tmp_path)
    with pytest.raises(BadInputError, match="is not empty"):
        check_folder(tmp_path / "empty")
    (context / "photos").symlink_to(tmp_path)
    with pytest.raises(BadInputError, match="holds photos"):
        check_folder(context)


def test_a_pipe_is_not_waited_for(context: Path) -> None:
    os.mkfifo(context / "pipe")
    with pytest.raises(BadInputError, match="holds pipe"):
        check_folder(context)
    (context / "Dockerfile").unlink()
    os.mkfifo(context / "Dockerfile")
    with pytest.raises(BadInputError, match="holds Dockerfile"):
        check_folder(context)
