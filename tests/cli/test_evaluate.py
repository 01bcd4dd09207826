"""`multibox evaluate`: numbers of a detector and of detections in files."""

import json
from pathlib import Path

import numpy as np
import pytest

from multibox.data.load import load_dataset
from multibox.detection.detector import Detector
from multibox.evaluation.evaluate import evaluate as evaluate_in_python
from multibox.evaluation.metrics import METRICS
from multibox.evaluation.results.files import write_detections
from tiny_detector import CLASS_NAMES, noise_image, write_image

OBJECT = "<object><name>{}</name><bndbox><xmin>{}</xmin><ymin>{}</ymin><xmax>{}</xmax><ymax>{}</ymax></bndbox></object>"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A VOC folder of four images, each with one object of every class."""
    root = tmp_path / "data"
    (root / "ImageSets" / "Main").mkdir(parents=True)
    (root / "Annotations").mkdir()
    rng = np.random.default_rng(0)
    for number in range(4):
        write_image(root / "JPEGImages" / f"{number}.jpg", noise_image(seed=number))
        corners = [
            (rng.integers(1, 80), rng.integers(1, 60), rng.integers(81, 161), rng.integers(61, 121)) for _ in "abc"
        ]
        objects = "".join(OBJECT.format(name, *box) for name, box in zip(CLASS_NAMES, corners, strict=True))
        size = "<size><width>160</width><height>120</height></size>"
        (root / "Annotations" / f"{number}.xml").write_text(f"<annotation>{size}{objects}</annotation>")
    (root / "ImageSets" / "Main" / "test.txt").write_text("0\n1\n2\n3\n")
    return root


@pytest.mark.parametrize("metric", [metric.name for metric in METRICS])
def test_json_of_a_detector_is_the_librarys(multibox, weights: Path, data: Path, metric: str):
    """The command's numbers against `multibox.evaluate` in Python, for every metric."""
    outcome = multibox("evaluate", weights, "--data", data, "--split", "test", "--metric", metric, "--json")
    assert outcome.code == 0
    expected = evaluate_in_python(Detector.load(weights), load_dataset(data, split="test"), metric=metric)
    numbers = json.loads(outcome.out)
    assert numbers["metric"] == metric
    assert numbers["num_images"] == 4
    assert numbers["mean"] == pytest.approx(expected.mean, abs=1e-3)
    assert set(numbers["ap"]) == set(CLASS_NAMES)


def test_tiles_are_the_librarys(multibox, weights: Path, data: Path):
    """AP with --tiles against that of `Detector.tiled`."""
    outcome = multibox("evaluate", weights, "--data", data, "--json", "--iou", "0.1", "--tiles", "2x2")
    expected = evaluate_in_python(Detector.load(weights).tiled("2x2"), load_dataset(data), iou=0.1)
    assert json.loads(outcome.out)["mean"] == pytest.approx(expected.mean)


def test_another_iou_is_the_librarys(multibox, weights: Path, data: Path):
    """The command's numbers at IoU 0.3 against the function in Python, and COCO with an IoU against one line."""
    outcome = multibox("evaluate", weights, "--data", data, "--split", "test", "--iou", 0.3, "--json")
    expected = evaluate_in_python(Detector.load(weights), load_dataset(data, split="test"), iou=0.3)
    numbers = json.loads(outcome.out)
    assert (numbers["iou"], numbers["mean"]) == (0.3, pytest.approx(expected.mean, abs=1e-3))
    refused = multibox("evaluate", weights, "--data", data, "--metric", "coco", "--iou", 0.3)
    assert refused.code == 2
    assert "metric coco has no single IoU" in refused.err


def test_text_is_a_table_with_every_class(multibox, weights: Path, data: Path):
    """The printed table against the class names and the default metric's name."""
    outcome = multibox("evaluate", weights, "--data", data, "--split", "test")
    assert outcome.code == 0
    for word in (*CLASS_NAMES, "voc10", "4 images"):
        assert word in outcome.out


def test_the_default_split_is_named(multibox, weights: Path, data: Path):
    """Without --split against the name of the split for training; with --split, or if there is one split, no line."""
    only = multibox("evaluate", weights, "--data", data)
    (data / "ImageSets" / "Main" / "trainval.txt").write_text("0\n1\n")
    default, named = (multibox("evaluate", weights, "--data", data, *words) for words in ([], ["--split", "test"]))
    assert default.code == named.code == 0
    assert f"evaluating on {load_dataset(data).name}; --split selects another split" in default.err
    assert "evaluating on" not in named.err + only.err


@pytest.mark.parametrize("file_format", ["coco", "voc"])
def test_detections_in_a_file_give_the_detectors_own_numbers(
    multibox, weights: Path, data: Path, tmp_path: Path, file_format: str
):
    """Detections written by the library and evaluated as a file against the detector evaluated directly."""
    dataset = load_dataset(data, split="test")
    detector = Detector.load(weights)
    found = {example.id: detector(example.image) for example in dataset}
    target = tmp_path / ("found.json" if file_format == "coco" else "found")
    write_detections(target, dataset=dataset, detections=found, file_format=file_format)
    outcome = multibox("evaluate", "--data", data, "--split", "test", "--detections", target, "--json")
    assert (outcome.code, outcome.err) == (0, "")
    expected = evaluate_in_python(found, dataset)
    assert json.loads(outcome.out)["mean"] == pytest.approx(expected.mean, abs=0.02)


def test_a_broken_image_is_named_and_the_rest_counts(multibox, weights: Path, data: Path):
    """A data set with one broken image against its name on standard error and valid JSON on standard output."""
    (data / "JPEGImages" / "2.jpg").write_bytes(b"")
    outcome = multibox("evaluate", weights, "--data", data, "--split", "test", "--json")
    assert outcome.code == 0
    assert "2.jpg" in outcome.err
    assert len(json.loads(outcome.out)["problems"]) == 1


@pytest.mark.parametrize(
    "words",
    [
        ["--data", "DATA"],
        ["WEIGHTS", "--data", "DATA", "--detections", "DATA"],
    ],
)
def test_neither_or_both_inputs_are_wrong_use(multibox, weights: Path, data: Path, words: list[str]):
    """Neither and both of weights and detections against exit code 2 and the line that names the two."""
    outcome = multibox("evaluate", *({"WEIGHTS": weights, "DATA": data}.get(word, word) for word in words))
    assert (outcome.code, outcome.out) == (2, "")
    assert "either WEIGHTS or --detections" in outcome.err


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["WEIGHTS", "--data", "DATA", "--metric", "voc12"], 2, "'voc12'; it is one of voc07, voc10"),
        (["WEIGHTS"], 2, "Missing option '--data'"),
        (["WEIGHTS", "--data", "DATA", "--split", "summer"], 1, "summer"),
        (["WEIGHTS", "--data", "nowhere"], 1, "nowhere"),
        (["nothing.safetensors", "--data", "DATA", "--split", "test"], 1, "nothing.safetensors"),
        (["--data", "DATA", "--split", "test", "--detections", "nothing.json"], 1, "nothing.json"),
        (["--data", "DATA", "--detections", "a.json", "--tiles", "2x2"], 2, "--tiles 2x2 is for a detector"),
        (["--data", "DATA", "--detections", "a.json", "--engine", "torch"], 2, "--engine torch is for a detector"),
        (["--data", "DATA", "--detections", "a.json", "--batch", "4"], 2, "--batch 4 is for a detector"),
        (["--data", "DATA", "--detections", "a.json", "--stretch-16-bit"], 2, "--stretch-16-bit is for a detector"),
    ],
)
def test_wrong_values_are_one_line(multibox, weights: Path, data: Path, words: list[str], code: int, message: str):
    """Unknown metric, split, data set, weights and detections against one line with the value."""
    outcome = multibox("evaluate", *({"WEIGHTS": weights, "DATA": data}.get(word, word) for word in words))
    assert (outcome.code, outcome.out) == (code, "")
    assert outcome.err.count("\n") == 1
    assert message in outcome.err


def test_chosen_classes_alone_count(multibox, weights: Path, data: Path):
    """The numbers of two of three classes against those of the same classes in an evaluation of all three."""
    whole = multibox("evaluate", weights, "--data", data, "--split", "test", "--json")
    some = multibox("evaluate", weights, "--data", data, "--classes", ",".join(CLASS_NAMES[1:]), "--json")
    expected = {name: json.loads(whole.out)["ap"][name] for name in CLASS_NAMES[1:]}
    assert json.loads(some.out)["ap"] == expected


def test_renamed_classes(multibox, weights: Path, data: Path, tmp_path: Path):
    """--map against the numbers without it, on a data set with another name for a class; analyze has it too."""
    usual = json.loads(multibox("evaluate", weights, "--data", data, "--split", "test", "--json").out)
    for path in (data / "Annotations").iterdir():
        path.write_text(path.read_text().replace("<name>disc</name>", "<name>ring</name>"))
    refused = multibox("evaluate", weights, "--data", data, "--split", "test")
    assert "does not know: ring" in refused.err
    options = ["--data", data, "--split", "test", "--map", "Disc=ring", "--json"]
    found = json.loads(multibox("evaluate", weights, *options).out)
    assert found["ap"] == {"ring" if name == "disc" else name: ap for name, ap in usual["ap"].items()}
    analyzed = multibox("analyze", weights, *options, "--out", tmp_path / "report")
    assert analyzed.code == 0
    assert {a for a, _ in json.loads(analyzed.out)["detectors"][0]["sensitivity"].items()} == {*found["ap"]}
    unknown = multibox("evaluate", weights, "--data", data, "--split", "test", "--map", "dsc=ring")
    assert unknown.code == 2
    assert "names no class of the detector" in unknown.err
    assert multibox("evaluate", "--data", data, "--detections", data, "--map", "disc=ring").code == 2
