"""`multibox export`: its file, its comparison, and wrong use."""

import json
from pathlib import Path
from typing import Any

import pytest

from engine_cases import busy_image
from tiny_detector import write_image

pytest.importorskip("onnxscript", reason="the packages of multibox[export] are not installed")
pytest.importorskip("onnxruntime", reason="the packages of multibox[export] are not installed")

ANNOTATION = """<annotation><size><width>300</width><height>300</height><depth>3</depth></size>
<object><name>{name}</name><bndbox><xmin>50</xmin><ymin>60</ymin><xmax>200</xmax><ymax>240</ymax></bndbox></object>
</annotation>"""


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """Three images with one object each, in VOC's layout."""
    for i, name in enumerate(("disc", "square", "star")):
        write_image(tmp_path / "voc" / "JPEGImages" / f"{i}.jpg", busy_image(seed=i))
        annotation = tmp_path / "voc" / "Annotations" / f"{i}.xml"
        annotation.parent.mkdir(exist_ok=True)
        annotation.write_text(ANNOTATION.format(name=name))
    return tmp_path / "voc"


def test_export_measures_before_and_after(multibox: Any, weights: Path, dataset: Path, tmp_path: Path):
    """The JSON of an export with --check: the file detects, and both scores are equal because the numbers are."""
    out = tmp_path / "tiny.onnx"
    result = multibox("export", weights, "--format", "onnx", "--out", out, "--check", dataset, "--json")
    assert result.code == 0
    report = json.loads(result.out)
    assert report["file"] == str(out)
    assert report["check"]["before"]["mean"] == pytest.approx(report["check"]["after"]["mean"], abs=1e-3)
    found = multibox("detect", dataset / "JPEGImages", "--weights", out, "--json")
    assert found.code == 0
    assert len(json.loads(found.out)) == 3


def test_a_check_with_other_names(multibox: Any, weights: Path, dataset: Path, tmp_path: Path):
    """A class of the detector under another name and a choice of classes against the scores without them."""
    for file in (dataset / "Annotations").glob("*.xml"):
        file.write_text(file.read_text().replace("<name>disc<", "<name>coin<"))
    check = ["--check", dataset, "--map", "disc=coin", "--classes", "coin,star", "--json"]
    result = multibox("export", weights, "--format", "onnx", "--out", tmp_path / "tiny.onnx", *check)
    assert result.code == 0, result.err
    assert set(json.loads(result.out)["check"]["after"]["ap"]) == {"coin", "star"}


def test_a_wrong_check_comes_before_the_export(multibox: Any, weights: Path, dataset: Path, tmp_path: Path):
    """Data that do not exist, a wrong split, metric or class: one line, and nothing is written."""
    out = tmp_path / "tiny.onnx"
    for words, code in (
        (["--check", tmp_path / "nowhere"], 1),
        (["--check", dataset, "--check-split", "tset"], 1),
        (["--check", dataset, "--metric", "voc12"], 2),
        (["--check", dataset, "--map", "disc=coin"], 1),
    ):
        result = multibox("export", weights, "--format", "onnx", "--out", out, *words)
        assert (result.code, result.err.count("\n"), out.exists()) == (code, 1, False), result.err


def test_wrong_use_is_one_line(multibox: Any, weights: Path, tmp_path: Path):
    """Options that do not go together against exit code 2 and a message that names them."""
    existing = tmp_path / "there.onnx"
    existing.write_bytes(b"")
    for words, message in (
        (["--format", "onnx", "--precision", "int8"], "--precision int8 needs typical images: add --calibrate"),
        (["--format", "onnx", "--calibrate", tmp_path], "--calibrate is for int8, and --precision is fp32"),
        (["--format", "onnx", "--batch", "many"], "--batch 'many' is not possible"),
        (["--format", "openvino", "--out", tmp_path / "a.onnx"], "has no suffix .xml"),
        (["--format", "onnx", "--out", existing], "already exists"),
        (["--format", "tflite"], "'tflite' is not known: choose one of onnx, openvino, litert, web"),
        (["--format", "onnx", "--check-split", "val"], "--check-split val belongs to --check: add --check"),
        (["--format", "onnx", "--classes", "a"], "--classes a belongs to --check: add --check"),
        (["--format", "onnx", "--map", "a=b"], "--map a=b belongs to --check: add --check"),
        (["--format", "onnx", "--metric", "coco"], "--metric coco belongs to --check: add --check"),
        (["--format", "onnx", "--calibrate-images", "9"], "--calibrate-images 9 belongs to --calibrate: add"),
        (["--format", "onnx", "--calibrate-split", "val"], "--calibrate-split val belongs to --calibrate"),
    ):
        result = multibox("export", weights, *words)
        assert result.code == 2
        assert message in result.err
        assert result.err.count("\n") == 1
