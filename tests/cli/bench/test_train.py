"""`multibox bench train`: its output, and wrong use."""

import json
from pathlib import Path
from typing import Any

import pytest

from multibox.data.scenes.scenes import write_scenes
from multibox.size import Size

TINY = ("--set", "model.base.width=0.03125", "--batch", 2, "--steps", 1, "--threads", 1)


@pytest.fixture
def scenes(tmp_path: Path) -> Path:
    write_scenes(tmp_path / "scenes", count=2, seed=0, size=Size(70, 90))
    return tmp_path / "scenes"


def test_json_says_what_was_measured(multibox: Any, scenes: Path):
    """The JSON of one step against the recipe, the changes to it and the data."""
    words = ("--data", scenes, "--split", "train", "--precision", "fp32", "--json")
    result = multibox("bench", "train", "quick", *TINY, *words)
    assert (result.code, result.err) == (0, "")
    found = json.loads(result.out)
    assert (found["recipe"], found["model"], found["input_size"]) == ("quick", "slim300", [300, 300])
    assert (found["batch"], found["steps"], found["precision"], found["priors"]) == (2, 1, "fp32", 8732)
    assert (found["data"], found["augmentation"]) == ("scenes train", "caffe")
    assert found["machine"]["threads"] == 1


def test_text_is_a_table_of_the_parts(multibox: Any, monkeypatch: pytest.MonkeyPatch):
    """A run without data and --json against its rows, and what was measured on standard error."""
    monkeypatch.setattr("multibox.bench.recipe._IMAGES", 2)
    result = multibox("bench", "train", *TINY)
    assert result.code == 0
    titles = [line.split("  ")[0] for line in result.out.splitlines()]
    assert {"next batch, on the device", "network, backward", "optimizer", "step", "images/s"} <= set(titles)
    assert "matrix products" in result.out
    assert "generated images" in result.err


def test_wrong_use_is_one_line(multibox: Any, scenes: Path):
    """Unknown recipes, settings and splits against exit codes and a message that names the value."""
    for words, code, message in (
        (["swift"], 2, "'swift' is not known"),
        (["quick", "--set", "loop.speed=3"], 2, "'speed' is not a setting"),
        (["quick", "--data", scenes, "--split", "dusk"], 1, "dusk"),
        (["quick", "--data", scenes, "--batch", 1], 2, "1 image a step"),
        (["quick", "--precision", "int8"], 2, "loop.precision='int8' does not fit"),
        (["quick", "--device", "tpu"], 2, "'tpu' is not known"),
    ):
        result = multibox("bench", "train", *words)
        assert (result.code, result.err.count("\n")) == (code, 1)
        assert message in result.err
