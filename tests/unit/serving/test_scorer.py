from __future__ import annotations

import json
import shutil
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from flowerops.domain.bundle import BUNDLE_FILE, GOLDEN_FILE, TFLITE_FILE
from flowerops.errors import BadInputError, StoreIntegrityError, UsageError
from flowerops.images import ImageRejectedError, prepare_image
from flowerops.io.hashing import SEAL_FILE, sha256_file, verify_seal
from flowerops.serving.scorer import Scorer
from helpers.tiny_bundle import COLOURS, photo, reseal


@pytest.fixture(scope="module")
def scorer(tiny_bundle: Path) -> Scorer:
    return Scorer.load(tiny_bundle)


@pytest.fixture
def copy(tiny_bundle: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_bundle, tmp_path / "copy"))


def change(document: Path, **members: object) -> None:
    document.write_text(json.dumps(json.loads(document.read_text()) | members))


def test_a_loaded_bundle_knows_its_digest_and_labels(tiny_bundle: Path, scorer: Scorer) -> None:
    assert scorer.digest == sha256_file(tiny_bundle / SEAL_FILE)
    assert scorer.labels == ["daisy", "roses"]


@pytest.mark.parametrize(("index", "label"), [(0, "daisy"), (1, "roses")])
def test_an_image_gets_its_label_and_probabilities_in_label_order(scorer: Scorer, index: int, label: str) -> None:
    scored = scorer.score(photo(COLOURS[index], seed=99, kind="PNG"))
    assert scored.label == label
    assert list(scored.probabilities) == ["daisy", "roses"]
    assert sum(scored.probabilities.values()) == pytest.approx(1, abs=1e-5)


def test_what_is_not_an_image_is_refused_with_the_reason(scorer: Scorer) -> None:
    with pytest.raises(ImageRejectedError, match="not a JPEG"):
        scorer.score(b"<html></html>")


def test_a_whole_split_is_scored_row_by_row_as_single_images_are(scorer: Scorer) -> None:
    photos = [photo(COLOURS[seed % 3], seed=seed) for seed in range(21)]
    pixels = np.stack([prepare_image(data, 32).pixels for data in photos])
    answers = scorer.score_pixels(pixels)
    assert answers.shape == (21, 2)
    assert answers.dtype == np.float32
    for data, row in zip(photos, answers, strict=True):
        assert [float(p) for p in row] == list(scorer.score(data).probabilities.values())


def test_no_pixels_give_no_rows(scorer: Scorer) -> None:
    assert scorer.score_pixels(np.zeros((0, 32, 32, 3), np.uint8)).shape == (0, 2)


@pytest.mark.parametrize(
    ("shape", "dtype"), [((1, 16, 16, 3), np.uint8), ((32, 32, 3), np.uint8), ((1, 32, 32, 3), np.float32)]
)
def test_pixels_of_another_shape_or_type_are_refused(scorer: Scorer, shape: tuple[int, ...], dtype: type) -> None:
    with pytest.raises(BadInputError, match="expected uint8"):
        scorer.score_pixels(np.zeros(shape, dtype))


def test_many_threads_get_the_answers_that_one_gets(tiny_bundle: Path) -> None:
    scorer = Scorer.load(tiny_bundle, threads=3)
    photos = [photo(COLOURS[seed % 4], seed=seed) for seed in range(40)]
    alone = [scorer.score(data) for data in photos]
    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(scorer.score, photos)) == alone


def test_a_refused_image_gives_its_interpreter_back(tiny_bundle: Path) -> None:
    scorer = Scorer.load(tiny_bundle, threads=1)
    for _ in range(3):
        with pytest.raises(ImageRejectedError):
            scorer.score(b"")
    done = threading.Event()
    threading.Thread(target=lambda: (scorer.score(photo(COLOURS[0])), done.set()), daemon=True).start()
    assert done.wait(5)


def test_a_changed_file_is_refused(copy: Path) -> None:
    (copy / TFLITE_FILE).write_bytes((copy / TFLITE_FILE).read_bytes() + b"\0")
    with pytest.raises(StoreIntegrityError, match=TFLITE_FILE):
        Scorer.load(copy)


def test_another_bundle_than_the_expected_one_is_refused(tiny_bundle: Path) -> None:
    with pytest.raises(StoreIntegrityError):
        Scorer.load(tiny_bundle, expected_digest="0" * 64)


def test_a_missing_bundle_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="no model bundle"):
        Scorer.load(tmp_path / "nowhere")


def test_a_model_of_another_decoder_is_refused(copy: Path) -> None:
    change(copy / BUNDLE_FILE, decoder_version=999)
    with pytest.raises(BadInputError, match="image decoder 999"):
        Scorer.load(copy, reseal(copy))


def test_more_labels_than_answers_are_refused(copy: Path) -> None:
    change(copy / BUNDLE_FILE, labels=["daisy", "roses", "tulips"])
    with pytest.raises(BadInputError, match=r"2 classes, but bundle\.json names 3 labels"):
        Scorer.load(copy, reseal(copy))


def test_a_geometry_that_is_not_the_models_is_refused(copy: Path) -> None:
    change(copy / BUNDLE_FILE, geometry={"size": 64, "fit": "pad"})
    with pytest.raises(BadInputError, match=r"float32 \[1, 64, 64, 3\]"):
        Scorer.load(copy, reseal(copy))


def test_a_file_that_is_no_model_is_refused(copy: Path) -> None:
    (copy / TFLITE_FILE).write_bytes(b"not a model at all")
    with pytest.raises(StoreIntegrityError, match="not a LiteRT model"):
        Scorer.load(copy, reseal(copy))


def test_other_answers_than_at_training_are_refused(copy: Path) -> None:
    golden = json.loads((copy / GOLDEN_FILE).read_text())
    golden["images"][1]["probabilities"][0] += 0.001
    with pytest.raises(StoreIntegrityError, match=r"golden image 01_roses.jpg: the model's answer is off by 0.001"):
        Scorer.load(_with_golden(copy, golden))


def test_golden_probabilities_for_other_labels_are_refused(copy: Path) -> None:
    golden = json.loads((copy / GOLDEN_FILE).read_text())
    golden["images"][0]["probabilities"].append(0.0)
    with pytest.raises(StoreIntegrityError, match="3 probabilities for 2 labels"):
        Scorer.load(_with_golden(copy, golden))


def test_an_answer_within_the_tolerance_is_accepted(copy: Path) -> None:
    golden = json.loads((copy / GOLDEN_FILE).read_text())
    golden["images"][1]["probabilities"][0] += 5e-5
    assert Scorer.load(_with_golden(copy, golden)).labels == ["daisy", "roses"]


def test_a_bundle_without_golden_images_proves_nothing(copy: Path) -> None:
    with pytest.raises(StoreIntegrityError, match="no golden images"):
        Scorer.load(_with_golden(copy, {"images": []}))


def test_a_missing_runtime_names_the_line_that_installs_it(tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    with pytest.raises(UsageError) as caught:
        Scorer.load(tiny_bundle)
    assert 'pip install "flowerops[serve]"' in (caught.value.hint or "")


def _with_golden(bundle: Path, golden: object) -> Path:
    (bundle / GOLDEN_FILE).write_text(json.dumps(golden))
    reseal(bundle)
    return bundle


def test_what_is_served_is_what_was_sealed_whatever_happens_to_the_folder_meanwhile(
    copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def changed_behind_our_back(folder: Path, digest: str | None = None) -> str:
        found = verify_seal(folder, digest)
        (folder / TFLITE_FILE).write_bytes((folder / TFLITE_FILE).read_bytes() + b"more")
        return found

    monkeypatch.setattr("flowerops.serving.scorer.verify_seal", changed_behind_our_back)
    with pytest.raises(StoreIntegrityError, match="changed while it was read"):
        Scorer.load(copy)


def test_a_loaded_model_does_not_need_its_folder(copy: Path) -> None:
    scorer = Scorer.load(copy)
    shutil.rmtree(copy)
    assert scorer.score(photo(COLOURS[1])).label == "roses"


def test_an_image_alone_and_one_among_many_get_the_same_bits(tiny_bundle: Path) -> None:
    scorer = Scorer.load(tiny_bundle, threads=4)
    photos = [photo(COLOURS[seed % 3], seed=seed) for seed in range(24)]
    alone = [scorer.score(data).probabilities for data in photos]
    with ThreadPoolExecutor(8) as threads:
        assert [scored.probabilities for scored in threads.map(scorer.score, photos)] == alone
