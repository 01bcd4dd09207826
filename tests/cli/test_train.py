"""`multibox train`: its options, its output and its errors."""

import json
import os
import shlex
import signal
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from multibox.detection.detector import Detector
from multibox.experiments import train as run_module
from multibox.training import loop
from tiny_detector import noise_image, write_image

QUICK = ["--set", "model.base.width=0.03125", "--set", "loop.batch_size=2", "--set", "schedule.warmup=1"]
ONE_OBJECT = (
    "<annotation><object><name>disc</name><bndbox><xmin>{}</xmin><ymin>20</ymin><xmax>120</xmax><ymax>100</ymax></bndbox>"
    "</object></annotation>"
)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Return a VOC folder of three images with one object each."""
    root = tmp_path / "data"
    (root / "ImageSets" / "Main").mkdir(parents=True)
    (root / "Annotations").mkdir()
    for number in range(3):
        write_image(root / "JPEGImages" / f"{number}.jpg", noise_image(seed=number))
        (root / "Annotations" / f"{number}.xml").write_text(ONE_OBJECT.format(20 + number))
    (root / "ImageSets" / "Main" / "trainval.txt").write_text("0\n1\n2\n")
    (root / "ImageSets" / "Main" / "two.txt").write_text("0\n1\n")
    return root


def test_two_steps_write_weights_that_detect(multibox, data: Path, tmp_path: Path):
    """Two steps of training against the printed JSON and a weight file that the Detector loads and runs."""
    steps = ["--set", "schedule.iterations=2"]
    outcome = multibox("train", "quick", "--data", data, "--out", tmp_path / "run", *QUICK, *steps, "--json")
    assert outcome.code == 0, outcome.err
    assert json.loads(outcome.out) == {"weights": str(tmp_path / "run" / "last.safetensors"), "steps": 2, "score": None}
    assert "the weights are in" in outcome.err
    detector = Detector.load(tmp_path / "run" / "last.safetensors")
    assert detector.class_names == ("disc",)
    assert detector(noise_image(seed=0)).boxes.dtype == np.float32
    again = multibox("train", "quick", "--data", data, "--out", tmp_path / "run", *QUICK, *steps)
    assert again.code == 1
    assert "not empty" in again.err


def test_options_change_the_recipe(multibox, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """--set, --split, --seed, --workers, --cache, --resume and --device against the arguments of `train`."""
    received = {}
    monkeypatch.setattr(run_module, "train", lambda recipe, **others: received.update(others, recipe=recipe))
    words = [
        "--set",
        "schedule.iterations=7",
        "--split",
        "two",
        "--seed",
        "5",
        "--workers",
        "3",
        "--cache",
        "9",
        "--resume",
    ]
    assert multibox("train", "quick", "--data", data, "--out", tmp_path / "run", *words, "--device", "cpu").code == 0
    recipe = received.pop("recipe")
    assert callable(received.pop("on_report"))
    assert callable(received.pop("on_message"))
    assert (recipe.schedule.iterations, recipe.train_split, recipe.seed) == (7, "two", 5)
    assert received == {
        "data": data,
        "out": tmp_path / "run",
        "resume": True,
        "accept_changes": False,
        "workers": 3,
        "cache_mb": 9,
        "device": "cpu",
        "logs": (),
    }
    json.dumps(recipe.to_json())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_with_the_command_to_resume(
    multibox, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
):
    """A signal in the first step against 128 + its number and one line; the command in it finishes the run."""
    out = tmp_path / "a run"
    words = ["train", "quick", "--data", str(data), "--out", str(out), *QUICK, "--set", "schedule.iterations=2"]
    step = loop.take_step

    def interrupted(*given: Any) -> None:
        os.kill(os.getpid(), number)
        step(*given)

    monkeypatch.setattr(loop, "take_step", interrupted)
    monkeypatch.setattr(sys, "argv", ["multibox", *words])
    outcome = multibox(*words)
    assert (outcome.code, outcome.out) == (128 + number, "")
    last = outcome.err.splitlines()[-1]
    said, command = last.split("; continue with: ")
    assert said == "multibox: stopped after step 1 of 2, with a checkpoint"
    assert shlex.split(command) == ["multibox", *words, "--resume"]
    monkeypatch.undo()
    assert multibox(*shlex.split(command)[1:]).code == 0
    assert Detector.load(out / "last.safetensors").class_names == ("disc",)


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["slow", "--data", "DATA", "--out", "OUT"], 2, "'slow' is not known: choose one of quick"),
        (["quick", "--data", "nowhere", "--out", "OUT"], 1, "nowhere does not exist"),
        (["quick", "--data", "DATA", "--out", "OUT", "--split", "winter"], 1, "winter"),
        (["quick", "--data", "DATA", "--out", "OUT", "--set", "schedule.steps=3"], 2, "'steps' is not a setting"),
        (["quick", "--data", "DATA", "--out", "OUT", "--set", "iterations"], 2, "write key=value"),
        (["quick", "--data", "DATA", "--out", "OUT", "--device", "gpu"], 2, "'gpu' is not known"),
        (["quick", "--data", "DATA", "--out", "OUT", "--workers", "-1"], 2, "--workers"),
        (["quick", "--data", "DATA", "--out", "OUT", "--resume"], 1, "no run to resume"),
        (["quick", "--data", "DATA", "--out", "OUT", "--accept-changes"], 2, "--accept-changes belongs to --resume"),
        (["quick", "--data", "DATA"], 2, "--out"),
        (["quick", "--out", "OUT"], 2, "--data"),
        ([], 2, "RECIPE"),
    ],
)
def test_wrong_arguments_are_one_line(multibox, data: Path, tmp_path: Path, words: list[str], code: int, message: str):
    """Unknown names, missing options and missing data against the exit code and one line with the value."""
    outcome = multibox("train", *({"DATA": data, "OUT": tmp_path / "run"}.get(word, word) for word in words))
    assert (outcome.code, outcome.out) == (code, "")
    assert outcome.err.count("\n") == 1
    assert message in outcome.err
