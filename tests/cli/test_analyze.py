"""`multibox analyze`: its files, numbers and error messages, on a small data set with known errors."""

import builtins
import json
import re
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from error_cases import one_of_each
from multibox.cli import main
from multibox.data.dataset import Dataset
from multibox.data.load import load_dataset
from multibox.evaluation.analysis.folder import prepare_folder
from multibox.evaluation.evaluate import evaluate
from multibox.evaluation.results.files import read_detections, write_detections
from tiny_detector import CLASS_NAMES, noise_image, write_image

pytest.importorskip("matplotlib")

GAINS = {"localization", "duplicate", "similar", "other", "background", "missed"}


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A COCO data set `data.json` with images, detections `found.json` with one error of each kind, `groups.json`."""
    folder = tmp_path_factory.mktemp("given")
    dataset, detections, _ = one_of_each()
    images, annotations = [], []
    for number, example in enumerate(dataset, 1):
        write_image(folder / f"{number}.png", noise_image(seed=number, width=640, height=480))
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


@pytest.fixture(scope="module")
def one(given: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder and the printed text of one run, shared by several tests."""
    out = tmp_path_factory.mktemp("one")
    with redirect_stdout(StringIO()) as printed:
        assert main([str(word) for word in words(given, "--detections", given / "found.json", "--out", out)]) == 0
    return out, printed.getvalue()


def test_one_detector(given: Path, one: tuple[Path, str]) -> None:
    """Files, counts of each kind (one), AP of `evaluate`, gains computed by hand, and the printed table."""
    folder, printed = one
    numbers = json.loads((folder / "analysis.json").read_text())
    assert {file.name for file in folder.iterdir()} == set(numbers["files"])
    sheets = {f"errors_{kind}.png" for kind in GAINS}
    assert set(numbers["files"]) == {"report.html", "analysis.json", "cost.png", "figure3.png", "figure4.png", *sheets}
    (detector,) = numbers["detectors"]
    assert set(detector["counts"].values()) == {1}
    assert detector["missed"] == 3
    dataset = load(given)
    expected = evaluate(read_detections(given / "found.json", dataset=dataset), dataset)
    assert detector["cost"]["ap"] == pytest.approx(expected.mean, abs=1e-6)
    gains = {"localization": 0, "duplicate": 0, "similar": 1 / 3, "other": 1 / 3, "background": 0, "missed": 1 / 6}
    assert detector["cost"]["gain"] == pytest.approx(gains, abs=1e-6)
    assert printed.splitlines()[0] == "found: AP 16.7 % (voc10)"
    assert re.search(r"^similar +0 +1 +\+33\.3$", printed, re.MULTILINE)
    assert printed.splitlines()[-1] == str(folder / "report.html")


def test_the_report_is_complete_in_itself(one: tuple[Path, str]) -> None:
    """The page has no script and loads nothing: it has one data address for each image file."""
    folder, _ = one
    page = (folder / "report.html").read_text()
    sources = re.findall(r'(?:src|href)="([^"]*)"', page)
    assert len(sources) == len(list(folder.glob("*.png")))
    assert all(source.startswith("data:image/") for source in sources)
    assert not re.search(r"<script|<link|@import|url\(|https?://", page)


def test_two_detectors_without_images(multibox, given: Path, tmp_path: Path) -> None:
    """A data set without images, and two named files, one of them empty: AP 0, all objects missed."""
    (tmp_path / "none.json").write_text("[]")
    (tmp_path / "data.json").write_text((given / "data.json").read_text())
    found = ["--detections", given / "found.json", "--detections", tmp_path / "none.json", "--name", "A & B"]
    out = tmp_path / "out"
    outcome = multibox("analyze", "--data", tmp_path / "data.json", *found, "--name", "C", "--out", out, "--json")
    assert (outcome.code, outcome.err) == (0, "")
    numbers = json.loads(outcome.out)
    assert numbers == json.loads((out / "analysis.json").read_text())
    assert set(numbers["files"]) == {
        "report.html",
        "analysis.json",
        "cost.png",
        "figure3.png",
        "figure4.png",
        "figure6.png",
    }
    assert "A &amp; B" in (out / "report.html").read_text()
    first, second = numbers["detectors"]
    assert (first["name"], first["counts"]["similar"], first["counts"]["other"]) == ("A & B", 0, 2)  # no groups
    assert (second["name"], second["cost"]["ap"], second["missed"], second["detections"]) == ("C", 0, 4, 0)


def test_weights(multibox, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tiny detector on two images: its detections are counted. The slow contact sheets are left out."""
    monkeypatch.setattr("multibox.evaluation.analysis.folder.contact_sheet", lambda *_, **__: None)
    for number in (1, 2):
        write_image(tmp_path / f"{number}.jpg", noise_image(seed=number))
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


def test_a_detector_of_other_classes(multibox, given: Path, weights: Path, tmp_path: Path) -> None:
    """Weights that lack classes of the data set against one line that names the classes."""
    outcome = multibox(*words(given, weights, "--out", tmp_path / "out"))
    assert (outcome.code, outcome.err.count("\n")) == (1, 1)
    assert "does not know: cat, dog, cup" in outcome.err


def test_a_second_run_replaces_the_first(tmp_path: Path) -> None:
    """Files of the earlier analysis are deleted; the user's files and listed paths outside the folder stay."""
    for name in ("report.html", "errors_similar-1.png", "notes.txt"):
        (tmp_path / name).touch()
    (tmp_path / "out").mkdir()
    for name in ("report.html", "errors_similar-1.png", "mine.txt"):
        (tmp_path / "out" / name).touch()
    listed = ["report.html", "analysis.json", "errors_similar-1.png", "../notes.txt"]
    (tmp_path / "out" / "analysis.json").write_text(json.dumps({"made_by": "multibox analyze", "files": listed}))
    prepare_folder(tmp_path / "out")
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["mine.txt"]
    assert (tmp_path / "notes.txt").exists()


def test_a_folder_of_other_things_is_refused(multibox, given: Path, tmp_path: Path) -> None:
    """A folder of other files, with and without another program's analysis.json, is an error; nothing is written."""
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
        (["--detections", "nothing.json"], 1, "nothing.json does not exist"),
        (["--detections", "found.json", "--groups", "found.json"], 1, "not of the form"),
        (["--detections", "found.json", "--metric", "voc12"], 2, "voc12"),
    ],
)
def test_wrong_use_is_one_line(
    multibox, given: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: list[str], code: int, message: str
) -> None:
    """Wrong numbers of detectors and names, missing and malformed files against one line each."""
    monkeypatch.chdir(given)
    outcome = multibox("analyze", "--data", "data.json", "--out", tmp_path / "out", *more)
    assert (outcome.code, outcome.out) == (code, "")
    assert outcome.err.count("\n") == 1
    assert message in outcome.err


def test_without_matplotlib(multibox, given: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A failing import against the line that says what to install; nothing is written."""
    real = builtins.__import__

    def fails(name: str, *more: Any, **named: Any) -> Any:
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return real(name, *more, **named)

    monkeypatch.setattr(builtins, "__import__", fails)
    outcome = multibox(*words(given, "--detections", given / "found.json", "--out", tmp_path / "out"))
    assert outcome.code == 2
    assert "pip install matplotlib" in outcome.err
    assert not (tmp_path / "out").exists()


def test_nothing_to_find(multibox, given: Path, tmp_path: Path) -> None:
    """A data set without counted objects against the line that says so."""
    document = json.loads((given / "data.json").read_text()) | {"annotations": []}
    (tmp_path / "empty.json").write_text(json.dumps(document))
    (tmp_path / "found.json").write_text("[]")
    outcome = multibox(
        "analyze", "--data", tmp_path / "empty.json", "--detections", tmp_path / "found.json", "--out", tmp_path / "out"
    )
    assert (outcome.code, outcome.err.count("\n")) == (1, 1)
    assert "no object of the data set counts" in outcome.err
