"""Torture cases 22–26: `.keras` files of strangers, and names that are paths."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from flowerops.io.hashing import SEAL_FILE
from helpers.command import clean_environment, flowerops
from helpers.hostile_models import (
    endless_weights,
    gadget,
    lambda_layer,
    layer,
    linked_weights,
    rewritten,
    with_layer,
)
from helpers.tiny_bundle import make_bundle, reseal
from torture.syscalls import calls_in, traced

_LOADER = """
import json, resource, sys
from pathlib import Path
from flowerops.errors import FlowerOpsError
from flowerops.ml.export import load_model
from flowerops.ml.runtime import load_tensorflow
load_tensorflow()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for name in sys.argv[1:]:
    print("LOADING", name, file=sys.stderr, flush=True)
    try:
        load_model(Path(name))
        said = ["loaded", 0]
    except FlowerOpsError as error:
        said = [str(error), error.exit_code]
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(json.dumps([Path(name).name, *said, grown]), flush=True)
"""
"""Loads files one after the other, so that TensorFlow is imported once. The memory that it says is in kilobytes."""
_MOST_KILOBYTES = 100 * 1024


@dataclass(frozen=True)
class Case:
    """A hostile file: how it comes about, and what is said of it."""

    words: str
    config: Callable[[dict[str, Any]], dict[str, Any] | None] = lambda config: config
    weights: Callable[[bytes], bytes] = lambda data: data
    compression: int = zipfile.ZIP_STORED


def _cases(canary: Path) -> dict[str, Case]:
    touch = f"touch {canary}.touched"
    inner = {"name": "extra", "layer": layer("Dense", units=2)}
    return {
        "lambda": Case("contains executable code", with_layer(lambda_layer(touch))),
        "lambda-inside": Case(
            "contains executable code", with_layer(layer("TimeDistributed", layer=lambda_layer(touch)))
        ),
        "saved-model": Case("contains executable code", with_layer(layer("TFSMLayer", filepath=str(canary)))),
        "system": Case(
            "contains executable code", with_layer(layer("Dense", units=2, activation=gadget("system", "os", touch)))
        ),
        "get-file": Case(
            "contains executable code",
            with_layer(layer("Dense", units=2, activation=gadget("get_file", "keras.utils", "http://127.0.0.1:9/x"))),
        ),
        "class-of-another-module": Case(
            "something else than Keras' layers", with_layer(layer("Popen", "subprocess", args=touch))
        ),
        "registered-elsewhere": Case(
            "something else than Keras' layers", with_layer(layer("Dense", "flowerops.x", **inner))
        ),
        "lookup": Case("reads files", with_layer(layer("StringLookup", vocabulary=str(canary)))),
        "linked": Case("link to another place", weights=linked_weights(canary)),
        "shape-bomb": Case("a size beyond reason", with_layer(layer("Dense", units=10**12))),
        "weights-bomb": Case("would unpack", weights=endless_weights),
        "zip-bomb": Case("would unpack", weights=lambda data: data + bytes(1 << 28), compression=zipfile.ZIP_DEFLATED),
    }


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bundle") / "tiny"
    make_bundle(folder)
    return folder


def test_hostile_keras_files_are_refused_and_touch_nothing(bundle: Path, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    canary.write_text("secret")
    cases = _cases(canary)
    files = []
    for name, case in cases.items():
        source, target = bundle / "model.keras", tmp_path / f"{name}.keras"
        files.append(rewritten(source, target, case.config, case.weights, compression=case.compression))
    trace = tmp_path / "trace"
    done = subprocess.run(
        [
            *traced("execve,execveat,connect,openat", trace),
            sys.executable,
            "-c",
            _LOADER,
            bundle / "model.keras",
            *files,
        ],
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    said = {row[0]: row[1:] for row in map(json.loads, done.stdout.splitlines())}
    assert said["model.keras"][0] == "loaded"
    for name, case in cases.items():
        words, code, _ = said[f"{name}.keras"]
        assert case.words in words, (name, words)
        assert code == 3
    assert max(row[2] for row in said.values()) < _MOST_KILOBYTES
    assert not Path(f"{canary}.touched").exists()
    assert not [call for call in calls_in(trace, "openat") if f'"{canary}"' in call]
    loading = trace.read_text(errors="replace").split("lambda.keras", 1)[1]
    assert "execve(" not in loading
    assert "connect(" not in loading


def test_a_model_that_answers_other_classes_than_its_labels_is_refused(trained: Path) -> None:
    home = trained / ".flowerops"
    (sealed,) = home.glob(f"runs/*/train-*/bundle/{SEAL_FILE}")
    info = sealed.parent / "bundle.json"
    info.write_text(info.read_text().replace('"labels": [', '"labels": ["one_more",'))
    reseal(sealed.parent)
    outcome = flowerops("register", "--home", str(home), "--json", cwd=trained)
    assert outcome.code == 3, outcome
    assert outcome.document["ok"] is False
    assert flowerops("models", "list", "--home", str(home), "--json", cwd=trained).document["items"] == []


@pytest.mark.parametrize("name", ["../x", "/tmp/x", "%2e%2e", "a\nb"])
def test_names_that_are_paths_are_refused(name: str, tmp_path: Path) -> None:
    home = str(tmp_path / "home")
    (tmp_path / "photos" / "daisy").mkdir(parents=True)
    for command in (
        ["preprocess", "--data-folder", "photos", "--dataset", name],
        ["register", "--name", name],
        ["deploy", "--endpoint", name],
        ["models", "show", name],
    ):
        outcome = flowerops(*command, "--home", home, "--json", cwd=tmp_path)
        assert outcome.code == 2, (command, outcome)
        assert outcome.document["error"]["code"] == "usage"
    assert sorted(path.name for path in tmp_path.iterdir() if path.name != "home") == ["photos"]
