"""`multibox bench table7`: rows of this machine next to the paper's, and wrong use."""

import json
from pathlib import Path
from typing import Any

import pytest

from multibox.models.ssd import SSD
from tiny_detector import tiny_model


def small(names: list[str]) -> SSD:
    return SSD(tiny_model().config, names)


def test_json_has_parts_and_the_papers_rows(multibox: Any, monkeypatch: pytest.MonkeyPatch):
    """With fake networks: the keys, parts that add up to the whole, and the paper's frames per second."""
    monkeypatch.setattr("multibox.bench.table7._MODELS", {"ssd300": small})
    words = ("--batches", "1,2", "--rounds", 1, "--candidates", 80, "--precision", "fp32", "--json")
    result = multibox("bench", "table7", *words)
    assert (result.code, result.err) == (0, "")
    found = json.loads(result.out)
    (row,) = found["rows"]
    assert (row["boxes"], row["input_size"], row["classes"], row["weights"]) == (8732, [300, 300], 20, "random weights")
    assert row["candidates_per_image"] == pytest.approx(80, abs=2)
    for batch in row["batches"].values():
        times = dict(batch["milliseconds_per_image"])
        assert times.pop("whole") == pytest.approx(sum(times.values()), rel=0.01)
        assert 0 < batch["share_of_base"] < 1
    assert set(row["batches"]) == {"1", "2"}
    printed = {(line["method"], line["batch"]): line["frames_per_second"] for line in found["paper"]["rows"]}
    assert printed == {("SSD300", 1): 46, ("SSD300", 8): 59, ("SSD512", 1): 19, ("SSD512", 8): 22}


def test_text_of_given_weights(multibox: Any, weights: Path, photos: Path):
    """A weight file and images against one row with its name, and the machine on standard error."""
    result = multibox(
        "bench", "table7", "-w", weights, "--images", photos, "--batches", "1", "--rounds", 1, "--precision", "fp32"
    )
    assert result.code == 0
    lines = result.out.splitlines()
    assert len(lines) == 3
    assert lines[2].startswith(f"slim300, {weights}")
    assert "GFLOP/s in fp32" in result.err


def test_wrong_use_is_one_line(multibox: Any, weights: Path, tmp_path: Path):
    """Invalid sizes, weights, folders and devices against exit codes and a message that names the value."""
    for words, code, message in (
        (["--batches", "none"], 2, "--batches is 'none'"),
        (["-w", tmp_path / "none.safetensors"], 1, "none.safetensors does not exist"),
        (["-w", weights, "--images", tmp_path], 2, str(tmp_path)),
        (["--device", "tpu"], 2, "'tpu' is not known"),
    ):
        result = multibox("bench", "table7", *words)
        assert (result.code, result.err.count("\n")) == (code, 1)
        assert message in result.err
