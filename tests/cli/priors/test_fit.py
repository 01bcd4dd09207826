"""`multibox priors cover`, `multibox priors fit` and the image of `multibox priors show`."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from multibox.data.load import load_dataset
from multibox.data.scenes.scenes import write_scenes
from multibox.experiments.recipe import override
from multibox.experiments.recipes import find_recipe
from multibox.priors import SPECS, make_prior_corners
from multibox.size import Size
from multibox.tiling.file import read_priors

FEW = ("--model", "slim224", "--boxes", 1200, "--augmentation", "none")  # a small budget, so the search is short


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "scenes"
    write_scenes(folder, count=8, seed=0, size=Size(100, 150))
    return folder


def slow_best(box: list[float], priors: list[list[float]]) -> float:
    """The largest intersection over union of a box with any prior, both corners relative to the image."""
    best = 0.0
    for prior in priors:
        sides = [min(box[k + 2], prior[k + 2]) - max(box[k], prior[k]) for k in (0, 1)]
        if min(sides) > 0:
            areas = [(b[2] - b[0]) * (b[3] - b[1]) for b in (box, prior)]
            best = max(best, sides[0] * sides[1] / (sum(areas) - sides[0] * sides[1]))
    return best


def test_cover_against_all_priors_and_objects(multibox, scenes: Path):
    """Shares, and the list of missed objects, against a loop over objects and priors written from the definition."""
    outcome = multibox("priors", "cover", scenes, "--json")
    assert (outcome.code, outcome.err) == (0, "")
    shown = json.loads(outcome.out)
    priors = make_prior_corners(SPECS["ssd300-voc"]).tolist()
    best = [
        slow_best((box / np.array(example.size[::-1] * 2)).tolist(), priors)
        for example in load_dataset(scenes)
        for box in example.boxes
    ]
    assert shown["all"]["objects"] == len(best)
    assert shown["all"]["overlap_50"] == sum(value >= 0.5 for value in best) / len(best)
    assert [item["iou"] for item in shown["missed"]] == pytest.approx(sorted(v for v in best if v < 0.5), abs=1e-5)
    assert sum(share["objects"] for share in shown["aspects"].values()) == len(best)


def test_cover_draws(multibox, scenes: Path, tmp_path: Path):
    """A table as text, and with --out both images, in a folder that did not exist."""
    outcome = multibox("priors", "cover", scenes, "--recipe", "quick", "--out", tmp_path / "new")
    assert outcome.code == 0
    assert "the 8,732 priors of quick at 300 x 300" in outcome.out
    assert cv2.imread(str(tmp_path / "new" / "shapes.png")) is not None
    assert ("missed.jpg" in outcome.err) == (tmp_path / "new" / "missed.jpg").exists()


def test_fit_writes_priors_that_train_takes(multibox, scenes: Path, tmp_path: Path):
    """The file against the budget and the model's maps; a recipe of that model reads it; the text names it."""
    path = tmp_path / "new" / "priors.json"
    outcome = multibox("priors", "fit", scenes, *FEW, "--held-out", 0.25, "--out", path)
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.splitlines()[-1] == f"{path}: train with --set model.priors={path}"
    fitted = read_priors(path)
    assert fitted.count <= 1200
    assert [source.cells[0] for source in fitted.maps] == [28, 14, 7, 4, 2]
    outcome = multibox("priors", "show", "--priors", path)
    assert outcome.out.startswith(f"{fitted.count} priors of priors.json at 224 x 224")
    assert json.loads(path.read_text())["about"]["held_out"]["after"]["images"] == 2


def test_fit_for_machines(multibox, scenes: Path, tmp_path: Path):
    """--json without held-out images: numbers before and after, and the file; a second run writes the same file."""
    files = [tmp_path / "a.json", tmp_path / "b.json"]
    for file in files:
        outcome = multibox("priors", "fit", scenes, *FEW, "--held-out", "none", "--out", file, "--json")
        shown = json.loads(outcome.out)
        assert shown["file"] == str(file)
        assert shown["held_out"] is None
        assert shown["count"]["before"] > 1200 >= shown["count"]["after"]
    assert files[0].read_bytes() == files[1].read_bytes()


def test_fitted_priors_for_the_model_of_a_recipe(multibox, scenes: Path, tmp_path: Path):
    """Priors fitted for ssd300 fit the recipe quick, whose maps are the same."""
    path = tmp_path / "priors.json"
    words = ("--boxes", 2000, "--augmentation", "none", "--out", path)
    assert multibox("priors", "fit", scenes, *words).code == 0
    assert override(find_recipe("quick"), [f"model.priors={path}"]).model.priors == read_priors(path)


def test_show_draws_priors(multibox, photos: Path, tmp_path: Path):
    """A panel for each map, or for the maps of the requested cells; the table is printed as without an image."""
    plain, chosen = tmp_path / "plain.png", tmp_path / "chosen.png"
    table = multibox("priors", "show").out
    outcome = multibox("priors", "show", "--out", plain)
    assert (outcome.code, outcome.out) == (0, table)
    words = ("--image", photos / "a.jpg", "--cells", "1:3,4", "--cells", "1:30,30", "--cells", "2:10,10")
    assert multibox("priors", "show", "--out", chosen, *words).code == 0
    width = [cv2.imread(str(path)).shape[1] for path in (plain, chosen)]
    assert width[0] > width[1] > 800


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("show", "--model", "ssd300", "--recipe", "quick"), 2, "--model and --recipe name different priors"),
        (("show", "--model", "slim300", "--sizes", "coco"), 2, "--sizes coco chooses sizes of ssd300 and ssd512"),
        (("show", "--recipe", "slow"), 2, "recipe 'slow' is not known"),
        (("show", "--priors", "absent.json"), 1, "cannot read priors: absent.json"),
        (("show", "--image", "a.jpg"), 2, "need a drawing: add --out FILE"),
        (("show", "--out", "a.gif"), 2, "--out a.gif must end in one of .png"),
        (("show", "--out", "a.png", "--cells", "2:3"), 2, "--cells 2:3 is not a cell; write MAP:ROW,COLUMN"),
        (("show", "--out", "a.png", "--cells", "9:1,1"), 2, "map 9 does not exist; maps are 1 to 6"),
        (("show", "--out", "a.png", "--cells", "2:20,1"), 2, "map 2 has no cell 20,1; rows are 1 to 19"),
        (("cover", "absent"), 1, "absent does not exist"),
        (("fit", "DATA", "--out", "priors.yaml"), 2, "--out priors.yaml must end in .json"),
        (("fit", "DATA", "--out", "p.json", "--boxes", 100), 2, "100 boxes are too few"),
        (("fit", "DATA", "--out", "p.json", "--augmentation", "wild"), 2, "augmentation 'wild' is not known"),
        (("fit", "DATA", "--out", "p.json", "--held-out", "later"), 1, "later"),
        (("fit", "DATA", "--out", "p.json", "--held-out", "train"), 2, "images are also used for the fit"),
        (("fit", "DATA", "--out", "p.json", "--held-out", "0.01"), 2, "leaves one part empty"),
    ],
)
def test_mistakes_are_one_line(multibox, scenes: Path, tmp_path: Path, monkeypatch, words, code: int, message: str):
    """Wrong options against a one-line error that names the rule; no file is written."""
    monkeypatch.chdir(tmp_path)
    outcome = multibox("priors", *(scenes if word == "DATA" else word for word in words))
    assert (outcome.code, outcome.out) == (code, "")
    assert outcome.err.startswith("multibox: ")
    assert message in outcome.err
    assert outcome.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
