"""`multibox detect`: what it prints and writes, and its messages about unusable images and wrong options."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from multibox.data.load import load_dataset
from multibox.detection.detector import Detector
from multibox.weights.registry.detectors import DEFAULT


def test_json_is_what_the_detector_finds(multibox, weights: Path, photos: Path):
    """Every entry of --json against the Detections of the library, with all detections above the model's threshold."""
    outcome = multibox("detect", photos, "--weights", weights, "--json")
    assert outcome.code == 0
    entries = json.loads(outcome.out)
    assert [entry["image"] for entry in entries] == [str(photos / "a.jpg"), str(photos / "b.png")]
    assert [(entry["width"], entry["height"]) for entry in entries] == [(160, 120), (90, 200)]
    detector = Detector.load(weights)
    for entry in entries:
        expected = detector(entry["image"])
        assert len(entry["detections"]) == len(expected) > 0
        for detection, (box, score, name) in zip(entry["detections"], expected, strict=True):
            assert detection["name"] == name == expected.class_names[detection["label"]]
            assert detection["score"] == pytest.approx(score, abs=1e-4)
            np.testing.assert_allclose(detection["box"], box, atol=0.02)


def test_text_names_what_scores_enough(multibox, weights: Path, photos: Path):
    """The line of each image against the detections above the score; the summary is on standard error."""
    outcome = multibox("detect", photos, "-w", weights, "--min-score", "0.4")
    found = Detector.load(weights)(photos / "a.jpg").above(0.4)
    first = outcome.out.splitlines()[0]
    assert first.startswith(f"{photos / 'a.jpg'}: ")
    assert len(found) > 3
    for label, name in enumerate(found.class_names):
        scores = found.scores[found.labels == label]
        if len(scores) > 1:
            assert f"{len(scores)} {name} ({scores.max():.2f} to {scores.min():.2f})" in first
        if len(scores) == 1:
            assert f"{name} {scores[0]:.2f}" in first
    assert "2 images" in outcome.err
    assert "2 images" not in outcome.out


def test_an_image_without_detections_names_the_best(multibox, weights: Path, photos: Path):
    """A score that no detection reaches against the line that says so and names the best candidate."""
    outcome = multibox("detect", photos / "a.jpg", "-w", weights, "--min-score", "1")
    found = Detector.load(weights)(photos / "a.jpg")
    best = f"{found.class_names[found.labels[0]]} {found.scores[0]:.2f}"
    assert outcome.out == f"{photos / 'a.jpg'}: nothing that scores 1; the best is {best}\n"
    assert (
        json.loads(multibox("detect", photos, "-w", weights, "--min-score", "1", "--json").out)[0]["detections"] == []
    )


def test_images_are_drawn_into_the_folder(multibox, weights: Path, photos: Path, tmp_path: Path):
    """Written images against the sources: same names and sizes, other pixels, sources untouched."""
    before = {path: path.read_bytes() for path in photos.iterdir()}
    outcome = multibox("detect", photos, "-w", weights, "--out", tmp_path / "new" / "out")
    assert outcome.code == 0
    for path, content in before.items():
        assert path.read_bytes() == content
        drawn, source = cv2.imread(str(tmp_path / "new" / "out" / path.name)), cv2.imread(str(path))
        assert drawn.shape == source.shape
        assert np.abs(drawn.astype(int) - source).max() > 60


def test_the_folder_of_the_images_is_refused(multibox, weights: Path, photos: Path):
    """--out with the images' own folder against exit code 2 and untouched files."""
    before = (photos / "a.jpg").read_bytes()
    outcome = multibox("detect", photos, "-w", weights, "--out", photos)
    assert (outcome.code, outcome.out) == (2, "")
    assert "would overwrite the image" in outcome.err
    assert (photos / "a.jpg").read_bytes() == before


@pytest.mark.parametrize("options", [[], ["--json"], ["--time"], ["--batch", "1"]])
def test_a_broken_image_does_not_stop_the_others(multibox, weights: Path, photos: Path, options: list[str]):
    """A truncated JPEG before good images: exit code 1, its name on standard error, and results for the others."""
    (photos / "0-cut.jpg").write_bytes((photos / "a.jpg").read_bytes()[:500])
    outcome = multibox("detect", photos, photos / "missing.jpg", "-w", weights, *options)
    assert outcome.code == 1
    assert "0-cut.jpg" in outcome.err
    assert f"{photos / 'missing.jpg'} does not exist" in outcome.err
    assert "2 images" in outcome.err
    assert "2 failed" in outcome.err
    assert "0-cut.jpg" not in outcome.out
    assert "a.jpg" in outcome.out
    assert "b.png" in outcome.out


def test_tiles_are_the_librarys(multibox, weights: Path, photos: Path):
    """--tiles and --overlap against `Detector.tiled`; an unknown layout and an overlap of nothing are wrong use."""
    outcome = multibox("detect", photos / "a.jpg", "-w", weights, "--json", "--tiles", "1x2", "--overlap", "0.4")
    expected = Detector.load(weights).tiled("1x2", overlap=0.4)(photos / "a.jpg")
    found = json.loads(outcome.out)[0]["detections"]
    np.testing.assert_allclose([one["box"] for one in found], expected.boxes, atol=0.02)
    for words, message in {("--tiles", "0x2"): "give ROWSxCOLUMNS", ("--overlap", "0.2"): "give --tiles too"}.items():
        outcome = multibox("detect", photos / "a.jpg", "-w", weights, *words)
        assert (outcome.code, outcome.err.count("\n")) == (2, 1)
        assert message in outcome.err


def test_only_broken_images_give_an_empty_array(multibox, weights: Path, photos: Path):
    """--json with only unreadable images against a valid, empty array."""
    (photos / "empty.jpg").write_bytes(b"")
    outcome = multibox("detect", photos / "empty.jpg", "-w", weights, "--json")
    assert outcome.code == 1
    assert json.loads(outcome.out) == []


def test_times_are_a_table_of_all_stages(multibox, weights: Path, photos: Path):
    """--time against the names of the stages, on standard error, results unchanged."""
    outcome = multibox("detect", photos, "-w", weights, "--time", "--json")
    for stage in ("decode", "resize", "network", "postprocessing", "whole image"):
        assert stage in outcome.err
    plain = multibox("detect", photos, "-w", weights, "--json", "--batch", "1")
    assert json.loads(outcome.out) == json.loads(plain.out)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "SOURCE"),
        (["PHOTOS", "-w", "WEIGHTS", "--batch", "0"], "--batch"),
        (["PHOTOS", "-w", "WEIGHTS", "--batch", "many"], "--batch"),
        (["PHOTOS", "-w", "WEIGHTS", "--min-score", "2"], "--min-score"),
        (["PHOTOS", "-w", "WEIGHTS", "--precision", "fp8"], "precision 'fp8' is not known: choose fp32 or bf16"),
        (["PHOTOS", "-w", "WEIGHTS", "--device", "gpu"], "'gpu' is not known: choose cpu"),
        (["PHOTOS", "-w", "WEIGHTS", "--scale", "2"], "--scale"),
    ],
)
def test_wrong_use_is_one_line_and_exit_code_2(multibox, weights: Path, photos: Path, words: list[str], message: str):
    """Wrong arguments against exit code 2, nothing on standard output and one line that names the mistake."""
    places = {"WEIGHTS": weights, "PHOTOS": photos}
    outcome = multibox("detect", *(places.get(word, word) for word in words))
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith("multibox: ")
    assert outcome.err.count("\n") == 1
    assert message in outcome.err


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("nowhere.jpg", "nowhere.jpg does not exist"),
        ("nowhere/*.jpg", "'nowhere/*.jpg' matches no images"),
        ("EMPTY", "contains no images"),
    ],
)
def test_sources_without_images_are_one_line_and_exit_code_1(multibox, tmp_path: Path, source: str, message: str):
    """A missing image, a pattern without matches and an empty folder against exit code 1 and one line."""
    (tmp_path / "empty").mkdir()
    outcome = multibox("detect", tmp_path / "empty" if source == "EMPTY" else source)
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err.startswith("multibox: ")
    assert outcome.err.count("\n") == 1
    assert message in outcome.err


@pytest.mark.parametrize("content", [None, b"", b"no weights at all"])
def test_unusable_weights_are_one_line_and_exit_code_1(multibox, photos: Path, tmp_path: Path, content: bytes | None):
    """A missing, an empty and a foreign weight file against exit code 1 and a line with its name."""
    path = tmp_path / "w.safetensors"
    if content is not None:
        path.write_bytes(content)
    outcome = multibox("detect", photos, "--weights", path)
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err.count("\n") == 1
    assert str(path) in outcome.err


def test_without_weights_the_default_detector_is_named(multibox, photos: Path):
    """Without --weights against the default detector by its name; its name and classes are printed."""
    default, named = (multibox("detect", photos, *words, "--json") for words in ([], ["-w", DEFAULT.name]))
    assert default.code == named.code == 0
    assert default.out == named.out
    assert "lite320-animals finds dog, cat, person, sheep, horse, cow" in default.err
    assert "finds dog" not in named.err


def test_renamed_classes(multibox, weights: Path, photos: Path):
    """--map renames classes in the output and changes nothing else."""
    usual = json.loads(multibox("detect", photos, "--weights", weights, "--json").out)
    found = json.loads(multibox("detect", photos, "--weights", weights, "--json", "--map", "disc=ring").out)
    for one, other in zip(usual, found, strict=True):
        names = [detection["name"].replace("disc", "ring") for detection in one["detections"]]
        assert [detection["name"] for detection in other["detections"]] == names
        assert [row["box"] for row in one["detections"]] == [row["box"] for row in other["detections"]]
    assert "ring" in {row["name"] for image in found for row in image["detections"]}


@pytest.mark.parametrize("form", ["labelstudio", "cvat", "voc", "yolo"])
def test_labels_have_the_scores_that_are_shown(multibox, weights: Path, photos: Path, tmp_path: Path, form: str):
    """Labels for people against the detections from 0.5; an image without any is still there."""
    out = tmp_path / "out"
    assert multibox("detect", photos, "-w", weights, "--format", form, "--out", out).code == 0
    (written,) = out.iterdir()
    count = sum(len(Detector.load(weights)(path).above(0.5)) for path in sorted(photos.iterdir()))
    if form in ("voc", "yolo"):
        assert sum(len(example.boxes) for example in load_dataset(written, split="train")) == count
        again = multibox("detect", photos, "-w", weights, "--format", form, "--out", out)
        assert (again.code, again.err.count("\n")) == (2, 1)
        assert "is not empty" in again.err
        alone = multibox("detect", photos, "-w", weights, "--format", form)
        assert (alone.code, alone.err) == (2, f"multibox: --format {form} writes a folder: give --out DIR\n")
        return
    word = 'rectanglelabels": [' if form == "labelstudio" else "<box "
    assert written.read_text().count(word) == count > 0
