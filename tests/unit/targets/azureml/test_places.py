"""Places in datastores, paths that mirror them, and texts that stand in a job's command."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowerops.domain.progress import SilentProgress
from flowerops.errors import BadInputError
from flowerops.settings import Settings
from flowerops.targets.azureml.client import AzureClient
from flowerops.targets.azureml.mirror import Mirror, Place, place_of_uri
from flowerops.targets.azureml.requests import shell_safe

_NAME = st.text("abcdefghijklmnopqrstuvwxyz0123456789_-.", min_size=1, max_size=12).filter(
    lambda name: set(name) != {"."}
)


def mirror(home: Path, workspace: str = "ws") -> Mirror:
    settings = Settings(
        FLOWEROPS_SUBSCRIPTION_ID="s", FLOWEROPS_RESOURCE_GROUP="g", FLOWEROPS_WORKSPACE_NAME=workspace, _env_file=None
    )
    return Mirror(AzureClient(settings), home)


@given(datastore=_NAME, parts=st.lists(_NAME, min_size=1, max_size=4))
def test_a_path_stands_for_one_place_and_back(datastore: str, parts: list[str]) -> None:
    kept = mirror(Path("home"))
    place = Place(datastore, "/".join(parts))
    assert kept.place_of(kept.path_of(place)) == place
    assert place_of_uri(place.uri) == place


def test_the_long_form_of_an_address_is_understood() -> None:
    long = "azureml://subscriptions/s/resourcegroups/g/workspaces/w/datastores/store/paths/flowerops/datasets/a/1/"
    assert place_of_uri(long) == Place("store", "flowerops/datasets/a/1")
    assert place_of_uri("https://elsewhere/flowerops") is None


@pytest.mark.parametrize(
    "uri",
    [
        "azureml://datastores/store/paths/flowerops/datasets/../../../../../home/user/photos",
        "azureml://datastores/store/paths/../../photos",
        "azureml://datastores/../paths/flowerops/bundles/a",
        "azureml://subscriptions/s/resourcegroups/g/workspaces/w/datastores/store/paths/flowerops/..",
    ],
)
def test_an_address_never_leads_out_of_the_mirror(uri: str) -> None:
    """What is registered there may be downloaded to the folder, over what it holds."""
    assert place_of_uri(uri) is None


@pytest.mark.parametrize("name", ["/etc/passwd", "../../x", "a/../../x"])
def test_a_blob_with_a_dangerous_name_is_not_written(tmp_path: Path, name: str) -> None:
    blobs = mirror(tmp_path).blobs("store")
    with pytest.raises(BadInputError, match="dangerous name"):
        blobs.download([name], "flowerops/bundles/a", tmp_path / "a", "downloading", SilentProgress())


def test_a_folder_of_the_user_mirrors_nothing(tmp_path: Path) -> None:
    assert mirror(tmp_path / "home").place_of(tmp_path / "photos") is None


def test_two_workspaces_never_share_a_mirror(tmp_path: Path) -> None:
    assert mirror(tmp_path, "one").root != mirror(tmp_path, "two").root


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(_JSON)
def test_a_text_for_the_shell_means_the_same(value: object) -> None:
    text = shell_safe(json.dumps(value))
    assert json.loads(text) == value
    assert "'" not in text
    assert "$" not in text


@pytest.mark.parametrize("reason", ["it's $HOME", "${{inputs.data}}", "`id`; $(id)", 'a\nb \\ "c"'])
def test_the_shell_hands_a_text_on_as_it_is(reason: str) -> None:
    text = shell_safe(json.dumps({"reason": reason}))
    heard = subprocess.run(["bash", "-c", f"printf %s '{text}'"], capture_output=True, text=True, check=True).stdout
    assert json.loads(heard) == {"reason": reason}
