"""`multibox analyze`: its files, its numbers and its refusals, on a small data set with known errors."""

import builtins
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from error_cases import one_of_each
from multibox.data.dataset import Dataset
from multibox.data.load import load_dataset
from multibox.evaluation.evaluate import evaluate
from multibox.evaluation.files import read_detections, write_detections
from tiny_detector import noise_picture, write_picture

pytest.importorskip("matplotlib")

GAINS = {"localisation", "duplicate", "similar", "other", "background", "missed"}


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A COCO data set `data.json` with pictures, detections `found.json` with one error of each kind, `groups.json`."""
    folder = tmp_path_factory.mktemp("given")
    dataset, detections, _ = one_of_each()
    images, annotations = [], []
    for number, example in enumerate(dataset, 1):
        write_picture(folder / f"{number}.png", noise_picture(seed=number, width=640, height=480))
        images.append({"id": number, "file_name": f"{number}.png", "width": 640, "height": 480})
        for box, label, difficult in zip(example.boxes.tolist(), example.labels, example.difficult, strict=True):
            x1, y1, x2, y2 = box
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": number,
                    "category_id": int(label) + 1,
                    "bbox": [x1, y1, x2 - x1, y2 - y1],
                    "difficult": bool(difficult),
                }
            )
    categories = [{"id": number, "name": name} for number, name in enumerate(dataset.class_names, 1)]
    document = {"images": images, "annotations": annotations, "categories": categories}
    (folder / "data.json").write_text(json.dumps(document))
    found = {"1": detections[0], "2": detections[1]}
    write_detections(folder / "found.json", dataset=load(folder), detections=found, file_format="coco")
    (folder / "groups.json").write_text('{"pets": ["cat", "dog"]}')
    return folder


def load(folder: Path) -> Dataset:
    return load_dataset(folder / "data.json")


def words(folder: Path, *more: object) -> list[object]:
    return ["analyze", "--data", folder / "data.json", "--groups", folder / "groups.json", *more]


def test_one_detector(multibox, given: Path, tmp_path: Path) -> None:
    """Files, counts of each kind (one), AP of `evaluate`, gains worked by hand, and the table on the screen."""
    outcome = multibox(*words(given, "--detections", given / "found.json", "--out", tmp_path))
    assert (outcome.code, outcome.err) == (0, "")
    numbers = json.loads((tmp_path / "analysis.json").read_text())
    assert {file.name for file in tmp_path.iterdir()} == set(numbers["files"])
    sheets = {f"errors_{kind}.png" for kind in GAINS}
    assert set(numbers["files"]) == {"report.html", "analysis.json", "cost.png", "figure3.png", "figure4.png", *sheets}
    (detector,) = numbers["detectors"]
    assert set(detector["counts"].values()) == {1}
    assert detector["missed"] == 3
    dataset = load(given)
    expected = evaluate(read_detections(given / "found.json", dataset=dataset), dataset)
    assert detector["cost"]["ap"] == pytest.approx(expected.mean, abs=1e-6)
    gains = {"localisation": 0, "duplicate": 0, "similar": 1 / 3, "other": 1 / 3, "background": 0, "missed": 1 / 6}
    assert detector["cost"]["gain"] == pytest.approx(gains, abs=1e-6)
    assert outcome.out.splitlines()[0] == "found: AP 16.7 % (voc10)"
    assert re.search(r"^similar +0 +1 +\+33\.3$", outcome.out, re.MULTILINE)
    assert outcome.out.splitlines()[-1] == str(tmp_path / "report.html")


def test_the_report_is_complete_in_itself(multibox, given: Path, tmp_path: Path) -> None:
    """No script, and nothing that is fetched: every picture is a data address, and there is one for each file."""
    multibox(*words(given, "--detections", given / "found.json", "--out", tmp_path))
    page = (tmp_path / "report.html").read_text()
    sources = re.findall(r'(?:src|href)="([^"]*)"', page)
    assert len(sources) == len(list(tmp_path.glob("*.png")))
    assert all(source.startswith("data:image/") for source in sources)
    assert not re.search(r"<script|<link|@import|url\(|https?://", page)


def test_two_detectors_and_json(multibox, given: Path, weights: Path, tmp_path: Path) -> None:
    """A detector of other classes cannot be compared; two files can, in the order and with the names given."""
    outcome = multibox(*words(given, weights, "--detections", given / "found.json", "--out", tmp_path / "a"))
    assert outcome.code == 1
    assert "does not know" in outcome.err
    found = ["--detections", given / "found.json"] * 2
    outcome = multibox(*words(given, *found, "--name", "A & B", "--name", "C", "--out", tmp_path / "b", "--json"))
    assert (outcome.code, outcome.err) == (0, "")
    numbers = json.loads(outcome.out)
    assert [detector["name"] for detector in numbers["detectors"]] == ["A & B", "C"]
    assert {"figure6.png", "errors_similar-1.png", "errors_similar-2.png"} <= set(numbers["files"])
    assert "A &amp; B" in (tmp_path / "b" / "report.html").read_text()
    assert numbers == json.loads((tmp_path / "b" / "analysis.json").read_text())


def test_weights_alone(multibox, weights: Path, tmp_path: Path) -> None:
    """A tiny detector over two pictures: its own detections are counted."""
    from tiny_detector import CLASS_NAMES

    for number in (1, 2):
        write_picture(tmp_path / f"{number}.jpg", noise_picture(seed=number))
    images = [{"id": n, "file_name": f"{n}.jpg", "width": 160, "height": 120} for n in (1, 2)]
    annotations = [{"id": n, "image_id": n, "category_id": n, "bbox": [10, 10, 90, 60]} for n in (1, 2)]
    categories = [{"id": n, "name": name} for n, name in enumerate(CLASS_NAMES, 1)]
    data = tmp_path / "data.json"
    data.write_text(json.dumps({"images": images, "annotations": annotations, "categories": categories}))
    outcome = multibox("analyze", weights, "--data", data, "--out", tmp_path / "out", "--json")
    assert outcome.code == 0
    (detector,) = json.loads(outcome.out)["detectors"]
    assert detector["name"] == weights.stem
    assert detector["detections"] == sum(detector["counts"].values()) > 0


def test_a_second_run_replaces_the_first(multibox, given: Path, tmp_path: Path) -> None:
    """Files of two detectors go when one is analysed into the same folder; a file of the user's stays."""
    found = ["--detections", given / "found.json"]
    assert multibox(*words(given, *found, *found, "--name", "a", "--name", "b", "--out", tmp_path)).code == 0
    (tmp_path / "notes.txt").write_text("mine")
    assert multibox(*words(given, *found, "--out", tmp_path)).code == 0
    names = {file.name for file in tmp_path.iterdir()}
    assert "notes.txt" in names
    assert not names & {"figure6.png", "errors_similar-1.png"}


def test_a_folder_of_other_things_is_refused(multibox, given: Path, tmp_path: Path) -> None:
    """Nothing is written beside files that are of no analysis, with or without an analysis.json of another program."""
    (tmp_path / "photo.jpg").touch()
    for text in (None, "[]", '{"files": ["photo.jpg"]}'):
        if text is not None:
            (tmp_path / "analysis.json").write_text(text)
        outcome = multibox(*words(given, "--detections", given / "found.json", "--out", tmp_path))
        assert outcome.code == 2
        assert outcome.err.count("\n") == 1
        assert "takes a new or empty folder" in outcome.err
    assert {file.name for file in tmp_path.iterdir()} == {"photo.jpg", "analysis.json"}


@pytest.mark.parametrize(
    ("more", "code", "message"),
    [
        ([], 2, "0 detectors; analyze takes one or two"),
        (["--detections", "a", "--detections", "b", "--detections", "c"], 2, "3 detectors"),
        (["--detections", "found.json", "--name", "a", "--name", "b"], 2, "2 names for 1 detectors"),
        (["--detections", "found.json", "--detections", "found.json"], 2, "both detectors are named"),
        (["--detections", "nothing.json"], 1, "nothing.json: not there"),
        (["--detections", "found.json", "--groups", "found.json"], 1, "not of the form"),
        (["--detections", "found.json", "--metric", "voc12"], 2, "voc12"),
    ],
)
def test_wrong_use_is_one_line(
    multibox, given: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: list[str], code: int, message: str
) -> None:
    """Wrong numbers of detectors and names, files that are not there or not right: one line each."""
    monkeypatch.chdir(given)
    outcome = multibox("analyze", "--data", "data.json", "--out", tmp_path / "out", *more)
    assert (outcome.code, outcome.out) == (code, "")
    assert outcome.err.count("\n") == 1
    assert message in outcome.err


def test_without_matplotlib(multibox, given: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An import that fails becomes the line that says what to install, before anything is written."""
    real = builtins.__import__

    def fails(name: str, *more: Any, **named: Any) -> Any:
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return real(name, *more, **named)

    monkeypatch.setattr(builtins, "__import__", fails)
    outcome = multibox(*words(given, "--detections", given / "found.json", "--out", tmp_path / "out"))
    assert outcome.code == 2
    assert "pip install 'multibox[plot]'" in outcome.err
    assert not (tmp_path / "out").exists()


def test_nothing_to_find(multibox, given: Path, tmp_path: Path) -> None:
    """A data set without objects that count against the line that says so."""
    document = json.loads((given / "data.json").read_text()) | {"annotations": []}
    (tmp_path / "empty.json").write_text(json.dumps(document))
    (tmp_path / "found.json").write_text("[]")
    outcome = multibox(
        "analyze", "--data", tmp_path / "empty.json", "--detections", tmp_path / "found.json", "--out", tmp_path / "out"
    )
    assert (outcome.code, outcome.err.count("\n")) == (1, 1)
    assert "no object of the data set counts" in outcome.err


def test_empty_detections(multibox, given: Path, tmp_path: Path) -> None:
    """A detector that finds nothing: AP 0, everything missed, and still a report."""
    (tmp_path / "found.json").write_text("[]")
    outcome = multibox(*words(given, "--detections", tmp_path / "found.json", "--out", tmp_path / "out", "--json"))
    assert outcome.code == 0
    (detector,) = json.loads(outcome.out)["detectors"]
    assert (detector["cost"]["ap"], detector["missed"], detector["detections"]) == (0, 4, 0)
    assert np.isclose(detector["cost"]["gain"]["background"], 0)
