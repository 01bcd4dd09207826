"""SSD300 beside detectors of another environment: rows, ratios, and the real script where torchvision is installed."""

import os
import sys
from pathlib import Path
from statistics import median

import pytest

from multibox.bench.peers import headline
from multibox.models.ssd import SSD
from tiny_detector import tiny_model

STUB = """
import json, os, sys
assert os.environ["YOLO_AUTOINSTALL"] == "false"
inputs = {"faster-rcnn": [600, 800], "ssd300": [300, 300], "yolo": [448, 448]}
versions = {"torch": "9", "torchvision": "8", "ultralytics": "7"}
print(json.dumps({"versions": versions, "inputs": inputs, "words": sys.argv[1:]}), flush=True)
times = {"faster-rcnn": [1, 900, 700, 800], "ssd300": [1, 100, 100, 200], "yolo": [1, 20, 20, 20]}
for line in sys.stdin:
    print(json.dumps(times[line.strip()].pop(0)), flush=True)
"""


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch):
    """Our side is a small network."""
    config = tiny_model().config
    monkeypatch.setattr("multibox.bench.table7._MODELS", {"ssd300": lambda names: SSD(config, names)})


def test_ratios_are_medians_over_rounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Times that a stub reports against frames per second and ratios; the first round only warms up."""
    stub = tmp_path / "stub.py"
    stub.write_text(STUB)
    monkeypatch.setattr(headline, "SCRIPT", stub)
    seen: list[tuple[int, int]] = []
    result = headline.bench_headline(
        sys.executable, device="cpu", candidates=50, rounds=3, progress=lambda done, total: seen.append((done, total))
    )
    assert seen == [(1, 3), (2, 3), (3, 3)]
    rows = {f"{row['method']} {row['program']}": row for row in result["rows"]}
    assert rows["Faster R-CNN (VGG16) torchvision fp32"]["fps"] == 1.25
    assert rows["Faster R-CNN (VGG16) torchvision fp32"]["over_faster_rcnn"] == 1
    assert rows["SSD300 torchvision fp32"]["over_faster_rcnn"] == median([9, 7, 4])
    assert rows["YOLO ultralytics yolo11n fp32"]["over_faster_rcnn"] == 40
    assert rows["YOLO ultralytics yolo11n fp32"]["input_size"] == [448, 448]
    ours = rows["SSD300 multibox fp32"]
    assert ours["fps"] == pytest.approx(1000 / ours["milliseconds"]["median"], rel=0.01)


def test_the_real_script():
    """The script in an environment with torchvision against positive times of every detector."""
    python = os.environ.get("MULTIBOX_PEER_PYTHON")
    if python is None:
        pytest.skip("MULTIBOX_PEER_PYTHON names no Python with torchvision")
    result = headline.bench_headline(python, device="cpu", rounds=1)
    assert {"torch", "torchvision", "ultralytics"} == set(result["versions"])
    assert len(result["rows"]) >= 3
    assert all(row["fps"] > 0 for row in result["rows"])
