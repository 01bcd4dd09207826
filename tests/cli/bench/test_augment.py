"""`multibox bench augment`: samples per second, as text and as JSON."""

import json
from pathlib import Path

import pytest

from multibox.data.scenes.scenes import write_scenes
from multibox.size import Size


@pytest.fixture
def scenes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("multibox.bench.augment.use_one_core", lambda: None)  # it would affect the other tests
    write_scenes(tmp_path / "scenes", count=3, seed=0, size=Size(70, 90))
    return tmp_path / "scenes"


def test_json_and_table_have_the_numbers(multibox, scenes: Path):
    """Keys of the JSON and lines of the table against what the command measures."""
    outcome = multibox("bench", "augment", "--data", scenes, "--augmentation", "paper", "--seconds", 0.1, "--json")
    assert (outcome.code, outcome.err) == (0, "")
    found = json.loads(outcome.out)
    assert (found["augmentation"], found["images"], found["input_size"]) == ("paper", 3, [300, 300])
    assert found["samples_per_second"] < found["decoded_per_second"]
    lines = multibox("bench", "augment", "--data", scenes, "--seconds", 0.1).out.splitlines()
    assert [line.split("  ")[0] for line in lines[2:]] == ["caffe", "decoding alone"]


def test_an_unknown_augmentation_is_wrong_use(multibox, scenes: Path):
    """An unknown name against exit code 2 and the list of known names."""
    outcome = multibox("bench", "augment", "--data", scenes, "--augmentation", "strong")
    assert (outcome.code, outcome.out) == (2, "")
    assert "choose one of none, flip, paper, caffe" in outcome.err
