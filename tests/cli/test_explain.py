"""`multibox explain`: its files and numbers on a small data set, and what it refuses."""

import json
from pathlib import Path

import cv2
import pytest

from multibox.cli import main
from multibox.detection.detector import Detector
from multibox.weights.file import save_weights
from tiny_detector import CLASS_NAMES, noise_image, tiny_model, write_image


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A weight file and a COCO data set with one image and two objects, one of an unknown class."""
    folder = tmp_path_factory.mktemp("given")
    save_weights(folder / "tiny.safetensors", tiny_model(), info={})
    write_image(folder / "a.png", noise_image(seed=3))
    write_image(folder / "b.png", noise_image(seed=4))
    objects = [
        {"id": n, "image_id": 1, "category_id": n, "bbox": [20 * n, 20, 60, 50], "area": 3000, "iscrowd": 0}
        for n in (1, 2)
    ]
    categories = [{"id": 1, "name": CLASS_NAMES[0]}, {"id": 2, "name": "unicorn"}]
    images = [{"id": 1, "file_name": "a.png", "width": 160, "height": 120}]
    document = {"images": images, "annotations": objects, "categories": categories}
    (folder / "data.json").write_text(json.dumps(document))
    return folder


def run(given: Path, out: Path, *words: str, image: str = "a.png") -> int:
    return main(
        ["explain", str(given / image), "--weights", str(given / "tiny.safetensors"), "--out", str(out), *words]
    )


def test_files_and_numbers(given: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The folder, the JSON output, and the page against the detections of the detector."""
    out = tmp_path / "out"
    assert run(given, out, "--min-score", "0.9", "--json", "--data", str(given / "data.json")) == 0
    numbers = json.loads(capsys.readouterr().out)
    found = Detector.load(given / "tiny.safetensors")(given / "a.png").above(0.9)
    assert [one["index"] for one in numbers["detections"]] == found.priors.tolist()
    assert [thing["name"] for thing in numbers["objects"]] == [CLASS_NAMES[0]]
    written = json.loads((out / "explanation.json").read_text())
    assert {key: written[key] for key in numbers if key != "image"} == {
        key: numbers[key] for key in numbers if key != "image"
    }
    names = [f"detection-{n}.png" for n in range(1, len(found) + 1)] + [f"map-{n}.png" for n in range(1, 7)]
    names += ["detections.png", "explanation.json", "object-1.png", "report.html"]
    assert sorted(file.name for file in out.iterdir()) == sorted(names) == sorted(written["files"])
    for name in names:
        if name.endswith(".png"):
            assert cv2.imread(str(out / name)).shape == (360, 480, 3)
    page = (out / "report.html").read_text()
    assert page.count("<img") == 1 + len(found) + 1 + 6
    assert 'src="http' not in page


def test_a_second_run_replaces_the_first(given: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Files of more detections are gone after a run with fewer; text names each detection and the report."""
    assert run(given, tmp_path / "out", "--min-score", "0.5") == 0
    many = len(list((tmp_path / "out").iterdir()))
    capsys.readouterr()
    assert run(given, tmp_path / "out", "--min-score", "1") == 0
    assert len(list((tmp_path / "out").iterdir())) < many
    assert capsys.readouterr().out == f"nothing has a score of 1 or more\n{tmp_path / 'out' / 'report.html'}\n"


@pytest.mark.parametrize(
    ("words", "image", "message"),
    [
        ([], "none.png", "none.png: no such file or directory"),
        (["--data", "data.json"], "b.png", "b.png is not an image of"),
        (["--min-score", "2"], "a.png", "Invalid value for '--min-score'"),
        (["--split", "val"], "a.png", "--split val belongs to --data: add --data"),
        (["--data", "unknown.json"], "a.png", "has none of the detector's classes, disc, square, star"),
    ],
    ids=["no image", "not in the data", "score", "split without data", "other classes"],
)
def test_what_is_refused(
    given: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    image: str,
    message: str,
) -> None:
    """One line for each mistake, and no folder."""
    document = json.loads((given / "data.json").read_text())
    document["categories"] = [{"id": 1, "name": "unicorn"}, {"id": 2, "name": "dragon"}]
    (given / "unknown.json").write_text(json.dumps(document))
    paths = [str(given / word) if word.endswith(".json") else word for word in words]
    assert run(given, tmp_path / "out", *paths, image=image) in (1, 2)
    errors = capsys.readouterr().err
    assert message in errors
    assert errors.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_other_files_are_not_touched(given: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder with a file of the user."""
    (tmp_path / "mine.txt").write_text("mine")
    assert run(given, tmp_path) == 2
    assert "holds files, but none of `multibox explain`" in capsys.readouterr().err
    assert [file.name for file in tmp_path.iterdir()] == ["mine.txt"]
