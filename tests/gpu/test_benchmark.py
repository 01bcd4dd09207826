"""The GPU benchmark with tiny networks on a CPU, so that a change that breaks it is noticed."""

import sys
from pathlib import Path

import pytest

from benchmarks.gpu import inference, learn, run, throughput
from benchmarks.gpu.layout import DATA
from benchmarks.gpu.pack import pack_data
from benchmarks.rows import read_rows
from devkit import write_devkit
from multibox.data.load import load_splits


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A packed data set of eight images of cats and dogs."""
    folder = tmp_path_factory.mktemp("pack")
    splits = load_splits(write_devkit(folder / "devkit", years={"2012": {"trainval": 6, "test": 2}}))
    pack_data(splits, folder / DATA, side=80, quality=90)
    return folder


@pytest.fixture
def words(pack: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The arguments of a step in a smoke run; the classes are those of the packed data."""
    monkeypatch.setattr("benchmarks.gpu.ours.ANIMALS", ("cat", "dog"))
    given = {
        "--rows": tmp_path / "rows.jsonl",
        "--data": run.unpack(pack, tmp_path),
        "--scratch": tmp_path,
        "--device": "cpu",
        "--seconds": 0.001,
        "--workers": 1,
    }
    return [str(word) for pair in given.items() for word in pair] + ["--smoke"]


@pytest.mark.parametrize("step", [inference, throughput])
def test_measurements(step: object, words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every row of a step has numbers; a second run measures nothing again."""
    monkeypatch.setattr(sys, "argv", ["step", *words])
    step.main()
    rows = read_rows(tmp_path / "rows.jsonl")
    assert len(rows) >= 2
    assert not [row for row in rows if "error" in row]
    assert all(row["complete"] == row["equal"] for row in rows if "complete" in row)
    step.main()
    assert read_rows(tmp_path / "rows.jsonl") == rows


@pytest.mark.parametrize("what", ["light160", "ssd300"])
def test_learning(what: str, words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A training run ends with a score."""
    monkeypatch.setattr(sys, "argv", ["learn", what, *words])
    learn.main()
    (row,) = read_rows(tmp_path / "rows.jsonl")
    assert "error" not in row
    assert 0 <= row["ap"] <= 1


def test_driver(pack: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A failing step and one over its limit have rows that say so; the tables are written; a finished step is kept."""
    steps = (
        run.Step("fails", ("benchmarks.gpu.nothing",), limit=30, least=0),
        run.Step("endless", ("http.server", "0"), limit=0.2, least=0),
        run.Step("never", ("http.server", "0"), limit=100, least=90),
    )
    monkeypatch.setattr(run, "STEPS", steps)
    words = ["run", "--pack", str(pack), "--out", str(tmp_path), "--device", "cpu", "--budget", "40"]
    monkeypatch.setattr(sys, "argv", words)
    monkeypatch.setattr(run, "describe_machine", lambda device: {"device": device})
    run.main()
    rows = {row["name"]: row for row in read_rows(tmp_path / "rows.jsonl")}
    assert rows["fails"]["error"] == "exit code 1"
    assert "No module named benchmarks.gpu.nothing" in (tmp_path / "log.txt").read_text()
    assert rows["endless"]["error"] in ("over its time limit", "exit code 1", "exit code 2")
    assert rows["never"]["error"].startswith("not started")
    assert "| never |" in (tmp_path / "results.md").read_text()
