"""Runs that are killed many times end like a run that was not."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from multibox.data.scenes.scenes import write_scenes
from multibox.size import Size
from multibox.training.checkpoint import find_checkpoint
from multibox.training.metrics import read_metrics

SURVIVOR = Path(__file__).with_name("survivor.py")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the runs `whole`, `alone` and `helped`; the last two were killed at random places."""
    folder = tmp_path_factory.mktemp("runs")
    write_scenes(folder / "scenes", count=6, seed=0, size=Size(80, 96), split="train")
    write_scenes(folder / "scenes", count=3, seed=0, size=Size(80, 96), split="val")
    subprocess.run([sys.executable, str(SURVIVOR), str(folder), "2"], check=True, timeout=280)
    return folder


def flat(value: Any, name: str = "") -> dict[str, Any]:
    """Return all leaves of nested dictionaries and sequences by their path."""
    if isinstance(value, dict | list | tuple):
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        return {path: leaf for key, inner in pairs for path, leaf in flat(inner, f"{name}/{key}").items()}
    return {name: value}


def without_speed(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{key: value for key, value in row.items() if key != "images_per_second"} for row in rows]


def test_they_were_killed(runs: Path):
    """The number of kills against at least ten, in at least five functions."""
    kills = json.loads((runs / "kills.json").read_text())
    assert sum(map(len, kills.values())) >= 10
    assert len({place for places in kills.values() for place in places}) >= 5


@pytest.mark.parametrize("name", ["alone", "helped"])
def test_weights_are_the_same_bits(runs: Path, name: str):
    """Both weight files of a run that was killed, byte for byte, against those of the run that was not."""
    for weights in ("last.safetensors", "best.safetensors"):
        assert (runs / name / weights).read_bytes() == (runs / "whole" / weights).read_bytes()


@pytest.mark.parametrize("name", ["alone", "helped"])
def test_metrics_are_the_same(runs: Path, name: str):
    """All rows of the metrics except the speed against those of the run that was not killed."""
    expected = without_speed(read_metrics(runs / "whole"))
    assert len(expected) > 8
    assert without_speed(read_metrics(runs / name)) == expected


@pytest.mark.parametrize("name", ["alone", "helped"])
def test_checkpoints_hold_the_same_state(runs: Path, name: str):
    """Weights, average, momenta, best score, patience and sums of the last checkpoint against the other run."""
    state, expected = (flat(find_checkpoint(runs / folder).state) for folder in (name, "whole"))
    differ = {"/metrics", "/averages/since"}  # times
    assert state.keys() == expected.keys()
    for path in state.keys() - differ:
        same = torch.equal if isinstance(state[path], torch.Tensor) else lambda a, b: a == b
        assert same(state[path], expected[path]), path


@pytest.mark.parametrize("name", ["alone", "helped"])
def test_no_partial_file_remains(runs: Path, name: str):
    """The files at the end against those of a run; a run that started again keeps old weights under another name."""
    promised = {"recipe.json", "metrics.jsonl", "last.safetensors", "best.safetensors"}
    promised |= {"checkpoint.pt", "checkpoint.previous.pt"}
    names = {path.name for path in (runs / name).iterdir()}
    assert promised <= names <= promised | {"last.before.safetensors", "best.before.safetensors"}
