"""Azure stumbles: what passes by is tried again, everything else ends with its documented code and says what to do."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from flowerops.cli.app import run
from flowerops.domain.names import Selector
from flowerops.errors import CredentialsError, RemoteError
from flowerops.services.verify import verify_datasets
from flowerops.targets.azureml import client, http, snapshot
from flowerops.targets.protocol import Run
from helpers.both_targets import Place
from helpers.photos import make_photos

if TYPE_CHECKING:
    from azure_emulator import Emulator

MANY = 99
DATA = "/data/"
JOBS = "/jobs\\?"
HISTORY = "/history/"
WORKSPACE = "/workspaces/ws-flowers(\\?|$)"


@pytest.fixture(scope="module")
def place(azure: Emulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with azure.here(), pytest.MonkeyPatch.context() as patch:
        patch.setattr("flowerops.targets.azureml.watch._LONGEST_PAUSE_S", 0.5)
        patch.setitem(http.RETRIES, "retry_backoff_factor", 0.02)
        patch.setitem(client._STORAGE_RETRIES, "initial_backoff", 0)
        yield Place("azureml", tmp_path_factory.mktemp("faults") / "home", azure.environment())


@pytest.fixture(autouse=True)
def no_faults(azure: Emulator) -> Iterator[None]:
    yield
    azure.switch_off()


@pytest.fixture
def fault(azure: Emulator) -> Callable[..., None]:
    """Switch a fault on."""
    from azure_emulator import Fault

    def switch(*arguments: Any, **named: Any) -> None:
        azure.switch_on(Fault(*arguments, **named))

    return switch


Switch = Callable[..., None]


@pytest.fixture
def photos(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A folder of photos that no other test has."""
    make_photos(tmp_path / "photos", per_class=8, seed=sum(request.node.name.encode()))
    return tmp_path / "photos"


@pytest.fixture
def command(place: Place, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, dict[str, Any]]]:
    """The command line in this process: its exit code and its one document."""

    def go(*arguments: str | Path) -> tuple[int, dict[str, Any]]:
        capsys.readouterr()
        code = run([*map(str, arguments), "--target", "azureml", "--home", str(place.home), "--json"])
        document: dict[str, Any] = json.loads(capsys.readouterr().out)
        return code, document

    return go


Command = Callable[..., tuple[int, dict[str, Any]]]


# --- what passes by -------------------------------------------------------------------------------------------------

PASSING = {
    "too many requests": {"status": 429, "retry_after": 0},
    "an error of the service": {"status": 500},
    "out of order": {"status": 503, "retry_after": 0},
    "a broken connection": {"drop": True},
    "a slow answer": {"delay": 1.0},
}


@pytest.mark.parametrize("what", PASSING)
@pytest.mark.parametrize(
    ("path", "arguments"),
    [(DATA, ("data", "list")), (JOBS, ("runs", "list")), ("/oauth2/", ("models", "list"))],
    ids=["data", "jobs", "sign-in"],
)
def test_what_passes_by_is_tried_again(command: Command, fault: Switch, what: str, path: str, arguments: Any) -> None:
    fault(".*", path, times=1, **PASSING[what])
    code, document = command(*arguments)
    assert (code, document["ok"]) == (0, True)


@pytest.mark.parametrize("what", sorted(PASSING.keys() - {"too many requests"}))  # for which the storage says 503
def test_uploads_get_over_what_passes_by(place: Place, fault: Switch, photos: Path, what: str) -> None:
    fault("PUT", "/flowerops/datasets/", times=2, skip=3, where="blobs", **PASSING[what])
    version = place.target.datasets.number(place.take_in(photos, place.fresh("flowers")))
    assert verify_datasets(place.opened(), Selector(version.name), False, place.told).problems == []


# --- what stays -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("named", "code", "said", "hint"),
    [
        ({"status": 401}, 8, "does not accept the sign-in", "az login"),
        ({"status": 403}, 8, "not allowed to", "AzureML Data Scientist"),
        ({"status": 404}, 3, "it is not there", "Check the names in .env"),
        ({"status": 409}, 6, "cannot", "changed it meanwhile"),
        ({"status": 429, "retry_after": 0}, 7, "too many requests", "run the same command again"),
        ({"status": 500}, 7, "cannot", "The service failed"),
        ({"drop": True}, 7, "no connection to Azure", "Check the network"),
    ],
    ids=["401", "403", "404", "409", "429", "500", "dropped"],
)
@pytest.mark.parametrize(
    ("path", "arguments"),
    [("/datastores/", ("data", "list")), (JOBS, ("runs", "list")), ("/models\\?", ("models", "list"))],
    ids=["datastore", "jobs", "models"],
)
def test_what_stays_ends_with_its_code_and_a_hint(
    place: Place,
    command: Command,
    fault: Switch,
    photos: Path,
    path: str,
    arguments: Any,
    named: Any,
    code: int,
    said: str,
    hint: str,
) -> None:
    if path == "/datastores/":  # without a version of ours in the workspace nobody asks for it
        place.target.datasets.number(place.take_in(photos, place.fresh("flowers")))
    fault(".*", path, times=MANY, **named)
    got, document = command(*arguments)
    error = document["error"]
    assert (got, error["exit_code"]) == (code, code)
    assert said in error["message"]
    assert hint in error["hint"]
    assert "Traceback" not in json.dumps(document)


def test_an_unknown_workspace_is_bad_input(place: Place, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKSPACE_NAME", "elsewhere")
    code, document = command("data", "list")
    assert code == 3
    assert "elsewhere" in document["error"]["message"]


def test_a_wrong_secret_is_told_by_its_reason(place: Place, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_CLIENT_SECRET", "a-wrong-secret")
    code, document = command("data", "list")
    assert code == 8
    assert "AADSTS7000215" in document["error"]["message"]
    assert "a-wrong-secret" not in json.dumps(document)


# --- uploads that die -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("at", [0, 5, 16, 17], ids=["first photo", "sixth photo", "rows", "manifest"])
def test_an_upload_that_dies_registers_nothing_and_is_completed(
    place: Place, azure: Emulator, fault: Switch, photos: Path, at: int
) -> None:
    name = place.fresh("flowers")
    folder = place.take_in(photos, name)
    fault("PUT", "/flowerops/datasets/", times=MANY, skip=at, status=403, where="blobs")
    with pytest.raises(CredentialsError, match="not allowed to"):
        place.target.datasets.number(folder)
    azure.switch_off()
    assert place.opened().datasets.entries(name) == []
    assert not any(key.startswith(f"data/{name}/") for key in azure.cloud.state.all_keys("data/"))
    version = place.target.datasets.number(folder)
    assert version.version == 1
    assert verify_datasets(place.opened(), Selector(name), False, place.told).problems == []


def test_code_that_cannot_be_uploaded_is_told_at_once(
    place: Place, azure: Emulator, fault: Switch, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The SDK by itself would wait for ever; the time limit of this test is the proof."""
    name = place.fresh("flowers")
    monkeypatch.setattr("flowerops.targets.azureml.submit.code_snapshot", _new_code(name))
    fault("PUT", r"\.py(\?|$)", times=MANY, skip=20, status=403, where="blobs")
    with pytest.raises(CredentialsError, match="not allowed to submit the pipeline"):
        place.prepare(photos, name)
    azure.switch_off()
    assert place.target.runs.all(5, f"{name}-preprocessing") == []
    assert place.prepare(photos, name).processed.version == 1


def test_an_upload_of_code_is_not_waited_for_for_ever() -> None:
    from threading import Event

    from flowerops.targets.azureml.code_upload import with_code

    with pytest.raises(RemoteError, match=r"cannot submit it: the upload of the code did not end within 0\.1 s"):
        with_code("submit it", Event().wait, longest_s=0.1)


def _new_code(text: str, main: str | None = None) -> Callable[[Path], Path]:
    """A snapshot that was never uploaded before; main: another program in it."""

    def make(folder: Path) -> Path:
        made = snapshot.code_snapshot(folder)
        (made / "flowerops/marker.py").write_text(f"# {text}\n")
        if main is not None:
            (made / "flowerops/__main__.py").write_text(main)
        return made

    return make


# --- jobs that die --------------------------------------------------------------------------------------------------


def test_a_node_that_is_lost_fails_the_command(place: Place, azure: Emulator, photos: Path) -> None:
    from azure_emulator import JobFault

    name = place.fresh("flowers")
    azure.switch_on(JobFault(kind="fail"))
    with pytest.raises(RemoteError, match=r"step preprocess of run preprocess-\S+ failed: ") as caught:
        place.prepare(photos, name)
    assert caught.value.exit_code == 7
    assert "flowerops runs logs preprocess-" in str(caught.value.hint)
    assert "https://ml.azure.com/runs/preprocess-" in caught.value.details["studio"]
    again = place.prepare(photos, name)
    assert (again.raw.version, again.processed.version) == (1, 1)


def test_a_step_that_dies_without_a_word_is_told_with_its_last_lines(
    place: Place, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = place.fresh("flowers")
    dies = "import os\nfor n in range(30):\n    print('line', n, flush=True)\nos._exit(137)\n"
    monkeypatch.setattr("flowerops.targets.azureml.submit.code_snapshot", _new_code(name, dies))
    with pytest.raises(RemoteError, match="step preprocess of run") as caught:
        place.prepare(photos, name)
    assert "Its last lines: line 27 / line 28 / line 29" in str(caught.value.hint)
    assert caught.value.details["log"][-1] == "line 29"
    assert len(caught.value.details["log"]) == 20


def test_a_node_that_is_taken_away_is_made_up_for(place: Place, azure: Emulator, photos: Path) -> None:
    from azure_emulator import JobFault

    azure.switch_on(JobFault(step="preprocess", kind="preempt", after=0.3))
    made = place.prepare(photos, place.fresh("flowers"))
    assert (made.processed.version, made.processed.manifest.files) == (1, 16)


def test_no_quota_for_a_compute_is_told_as_such(place: Place, azure: Emulator, photos: Path, command: Command) -> None:
    from azure_emulator.faults import quota_exceeded

    azure.switch_on(*quota_exceeded())
    code, document = command(
        *("preprocess", "--data-folder", photos, "--dataset", place.fresh("flowers"), "--image-size", "44"),
        *("--compute", place.fresh("cpu")),
    )
    assert code == 7
    assert "vCPU quota" in document["error"]["message"]
    assert "Ask for more quota in the portal" in document["error"]["hint"]


def test_no_quota_for_a_job_is_told_as_such(place: Place, azure: Emulator, photos: Path) -> None:
    from azure_emulator import JobFault

    azure.switch_on(JobFault(kind="quota"))
    with pytest.raises(RemoteError, match="vCPU quota") as caught:
        place.prepare(photos, place.fresh("flowers"))
    assert caught.value.exit_code == 7
    assert "Ask for more quota in the portal" in str(caught.value.hint)


# --- what was changed in the storage --------------------------------------------------------------------------------


def test_verify_sees_what_was_changed_in_the_workspace(place: Place, photos: Path) -> None:
    version = place.target.datasets.number(place.take_in(photos, place.fresh("flowers")))
    folder = place.target.datasets.open(version)
    mirrored = place.target.mirror.place_of(folder)  # type: ignore[attr-defined]
    photo = next(folder.glob("roses/*"))
    blobs = place.target.mirror.blobs()  # type: ignore[attr-defined]
    name, kept = f"{mirrored.path}/roses/{photo.name}", photo.read_bytes()
    blobs.write(name, bytes(len(kept)))
    (problem,) = verify_datasets(place.target, Selector(version.name), False, place.told).problems
    assert problem.path.endswith(photo.name)
    shutil.rmtree(folder)
    blobs.write(name, kept)  # other tests verify the whole workspace


@pytest.mark.parametrize("status", [403, 404])
def test_a_run_is_shown_where_mlflow_does_not_tell_what_its_steps_recorded(
    place: Place, fault: Switch, status: int
) -> None:
    fault("GET", "/mlflow/", times=MANY, status=status)
    run = Run("run-1", "flowers", "train", "FINISHED", 1, steps=[Run("step-1", "flowers", "train", "FINISHED", 1)])
    assert place.target.runs.with_records(run) == run
