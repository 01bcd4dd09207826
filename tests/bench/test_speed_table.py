"""The script that makes the table of speeds: its steps with tiny counts, its driver, its lines and its pages."""

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks import busy, commands, lite, train
from benchmarks.rows import read_rows
from benchmarks.table import __main__ as driver
from benchmarks.table.lines import Line, lines
from benchmarks.table.page import table
from benchmarks.table.publish import LAST, with_machine, with_page
from benchmarks.table.steps import STEPS, Setting, Step
from devkit import write_devkit
from multibox.bench.images import sample_images
from multibox.bench.peers.process import PeerProcess
from multibox.detection.detector import Detector
from multibox.detection.engines.packed import PackedEngine
from tiny_detector import tiny_model

MACHINE = {
    "processor": "a processor",
    "cores": 2,
    "threads": 2,
    "load": 0.25,
    "torch": "2.13.0",
    "date": "2026-11-26",
    "command": "python -m benchmarks.table",
    "versions": {"torch": "2.13.0"},
}
STUB = """
import json, sys
print(json.dumps({"ways": ["predict", "openvino"]}), flush=True)
for line in sys.stdin:
    step = {"step": [900.0, 900.0], "forward and loss": [1, 1]}
    print(json.dumps(step if line.strip().isdigit() else 40.0), flush=True)
"""


@pytest.fixture
def stub(tmp_path: Path) -> Path:
    """A script that answers as the peers do."""
    path = tmp_path / "stub.py"
    path.write_text(STUB)
    return path


def run(module: Any, monkeypatch: pytest.MonkeyPatch, *words: object) -> None:
    monkeypatch.setattr(sys, "argv", ["step", *map(str, words)])
    module.main()


def test_lite_beside_a_stub(stub: Path):
    """Our detector and a stub of the YOLO in turns against the lines that the table makes of them."""
    detector = Detector(PackedEngine(tiny_model(), precision="fp32"))
    with PeerProcess(sys.executable, stub) as peer:
        measured = lite.measure({"default": detector}, peer, sample_images(count=2), sides=[320], rounds=2)
    rows = lite.summarize(measured["times"], operations=2.0)
    assert rows["predict 320"]["whole"] == 40
    assert rows["default"]["rate"] == pytest.approx(2000 / rows["default"]["network"])
    assert "| predict 320 |" in lite.report(rows, measured["rates"])
    result = {"rows": rows, "rates": measured["rates"], "engines": {"default": "PyTorch, fp32"}, "yolo": {"model": "y"}}
    ours, predict, network = lines("lite320", result)
    assert (ours.what, ours.aim) == ("lite320, default (PyTorch, fp32)", "under 5 ms")
    assert ours.over == f"{40 / rows['default']['whole']:.2f} x"
    assert predict == Line("y, 320 px, predict fp32", "40.00 ms")
    assert network == Line("y, 320 px, network alone in OpenVINO", "40.00 ms")


def test_training_step_beside_a_stub(stub: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Our step of a tiny network and a stub of torchvision's against the lines of the table."""
    data = write_devkit(tmp_path / "devkit", years={"2012": {"trainval": 6}})
    config = tiny_model().config
    monkeypatch.setattr(train, "SCRIPT", stub)
    monkeypatch.setattr(train, "MODELS", {"ssdlite320_mobilenet_v3_large": lambda: config})
    words = ("--peer", sys.executable, "--data", data, "--model", "ssdlite320_mobilenet_v3_large", "--batch", 2)
    path = tmp_path / "train.json"
    run(train, monkeypatch, *words, "--threads", 1, "--rounds", 1, "--precisions", "fp32", "auto", "--json", path)
    result = json.loads(path.read_text())
    theirs, ours, auto = lines("train-ssdlite320", result)
    assert theirs.measured == "900 ms"
    step = result["ours"]["fp32"][0]["step"]
    assert (ours.measured, ours.over) == (f"{step:.0f} ms", f"{900 / step:.2f} x")
    assert auto.what == f"training step, SSDLite320, auto ({result['computed']['auto']})"


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="no list of child processes here")
def test_training_beside_a_busy_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Speeds alone and beside a process, which is there only for the second, against the share in the table's line."""
    seen: list[tuple[int, list[str]]] = []

    def speed(words: list[str]) -> float:
        children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
        seen.append((len(children), words))
        return 20.0 if len(seen) % 2 else 9.0

    monkeypatch.setattr(busy, "speed", speed)
    path = tmp_path / "busy.json"
    run(busy, monkeypatch, "--data", "scenes", "--steps", 1, "--rounds", 2, "--settings", "a=1", "--json", path)
    counts = [count for count, _ in seen]
    assert counts == [counts[0], counts[0] + 1, counts[0], counts[0] + 1]
    assert seen[0][1] == ["quick", "--steps", "1", "--data", "scenes", "--set", "a=1"]
    (line,) = lines("busy", json.loads(path.read_text()))
    assert line == Line("training `quick` beside one busy process", "45 % of idle: 9.0 of 20.0 images/s", aim="45 %")


def test_commands_are_timed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A command that works, one that fails and one whose package is missing, against their rows and lines."""
    (tmp_path / "photo.jpg").write_bytes(sample_images(count=1)[0])
    monkeypatch.setitem(commands.EXPORTED, "detect, LiteRT", ("litert", "fp32", "litert", ("no_such_package",)))
    path = tmp_path / "commands.json"
    words = ("--image", tmp_path / "photo.jpg", "--data", "none", "--rounds", 1, "--json", path)
    run(commands, monkeypatch, *words, "--names", "detect, weights", "detect, LiteRT", "reproduce table2 --plan")
    detect, missing, plan = lines("commands", json.loads(path.read_text()))
    assert "processor" in detect.measured
    assert missing.measured == "not measured: no_such_package not installed"
    assert plan.what == "`multibox` reproduce table2 --plan"


def test_lines_of_detection():
    """Times, ratios and shares by hand: 8 bits are compared with twice the rate of bfloat16."""
    result = {
        "torchvision": 400.0,
        "ours": {
            "default": {"whole": 200.0, "ratio": 2.0, "rate": 75.0},
            "packed bf16": {"whole": 100.0, "ratio": 4.0, "rate": 300.0},
            "openvino int8": {"whole": 40.0, "ratio": 10.0, "rate": 600.0},
        },
        "engines": {"default": "PyTorch, fp32; faster with bf16"},
        "rates": {"fp32": 100.0, "bf16": 400.0},
    }
    assert lines("ssd300", result) == [
        Line("SSD300 VGG16, torchvision fp32", "400.0 ms"),
        Line(
            "SSD300 VGG16, default (PyTorch, fp32)",
            "200.0 ms",
            "2.00 x",
            "75 %",
            "within 20 % of the best with float32's AP",
        ),
        Line("SSD300 VGG16, packed bf16", "100.0 ms", "4.00 x", "75 %", "5 x, 85 %"),
        Line("SSD300 VGG16, openvino int8", "40.0 ms", "10.00 x", "75 %", "12 x, 60 %"),
    ]


def test_lines_of_quick_evaluate_and_table7():
    """Numbers as the commands print them against the texts of their lines."""
    memory = {
        "images_per_second": 12.0,
        "shares": {"loss": 0.09},
        "inside_loss": {"match": 5.0, "mine": 1.0},
        "milliseconds": {"step": {"median": 100.0}},
    }
    rates = {"matrix_product_giga_operations_per_second": {"fp32": 500.0}}
    quick = {"in_memory": memory, "giga_operations_per_second": 250.0, "precision": "fp32", **rates}
    (line,) = lines("quick-fp32", quick)
    assert line.measured == "12.0 images/s, 250 GFLOP/s, loss 9.0 % of the step, matching 5.0 %"
    assert line.share == "50 %"
    (line,) = lines("evaluate", {"rows": [{"metric": "coco", "wall": 3.0, "cpu": 2.5, "megabytes": 275.4}]})
    assert line == Line("`evaluate`, 985,364 detections, coco", "3.0 s, processor 2.5 s, 275 MB", aim="8 s, 500 MB")
    row = {
        "method": "SSD300",
        "program": "multibox fp32",
        "input_size": [300, 300],
        "fps": 8.0,
        "over_faster_rcnn": 9.5,
    }
    (line,) = lines("table7", {"measured": {"peers": {"rows": [row]}}})
    assert line[:3] == ("Table 7, SSD300, multibox fp32, 300 x 300", "8 frames/s", "9.50 x Faster R-CNN")
    assert line.aim == "paper: 6.6 x"


def test_every_step_has_a_command_and_lines(tmp_path: Path):
    """Commands of all steps against names of modules; without a peer the steps that need one say so."""
    folders = (tmp_path / "out", tmp_path / "images", tmp_path / "images/0.jpg", tmp_path / "data", tmp_path / "quick")
    setting = Setting(*folders, peer=None, yolo=None, threads=2, rounds=None)
    for step in STEPS:
        command = step.command(setting, tmp_path / "result.json")
        assert command[2].partition(".")[0] in ("multibox", "benchmarks")
        assert "--json" in command
        assert (command[-1] == "--json") == step.prints
        assert step.missing(setting) == (f"needs --{step.needs}" if step.needs else None)
    assert sum(step.limit for step in STEPS if not step.asked) < 45 * 60


def test_driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A finished step, a failing one, one over its limit and one without its Python, and a second call."""
    done = {"rows": [{"metric": "voc07", "wall": 2.0, "cpu": 1.0, "megabytes": 100.0}]}
    (tmp_path / "finished.py").write_text(f"import sys; open(sys.argv[-1], 'w').write({json.dumps(json.dumps(done))})")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    steps = (
        Step("evaluate", lambda setting, rounds: ["finished"], rounds=1, limit=60),
        Step("fails", lambda setting, rounds: ["no_such_module"], rounds=1, limit=60),
        Step("endless", lambda setting, rounds: ["http.server", "0"], rounds=1, limit=0.3, prints=True),
        Step("lonely", lambda setting, rounds: ["finished"], rounds=1, limit=60, needs="peer"),
    )
    monkeypatch.setattr(driver, "STEPS", steps)
    monkeypatch.setattr(driver, "describe", lambda threads: MACHINE)
    out = tmp_path / "out"
    words = ("--out", out, "--data", tmp_path)
    run(driver, monkeypatch, *words)
    problems = {row["name"]: row.get("error") for row in read_rows(out / "steps.jsonl")}
    assert problems["evaluate"] is None
    assert problems["fails"] == "exit code 1, see log.txt"
    assert problems["endless"] in ("over its limit of 0 s", "exit code 2, see log.txt")
    assert problems["lonely"] == "needs --peer"
    text = (out / "table.md").read_text()
    assert "| `evaluate`, 985,364 detections, voc07 | 2.0 s, processor 1.0 s, 100 MB |" in text
    assert "| lonely | not measured: needs --peer |" in text
    run(driver, monkeypatch, *words, "--steps", "evaluate")
    assert [row["name"] for row in read_rows(out / "steps.jsonl")].count("evaluate") == 1


def test_numbers_of_another_run():
    """A column of numbers from before: the same subject with another engine, and a line that is new."""
    row = {"whole": 100.0, "ratio": 4.0, "rate": 300.0}
    rates = {"fp32": 100.0, "bf16": 400.0}
    old = {"torchvision": 400.0, "ours": {"default": row}, "engines": {"default": "A, fp32"}, "rates": rates}
    new = {**old, "ours": {"default": {**row, "whole": 50.0, "ratio": 8.0}, "packed bf16": row}}
    new["engines"] = {"default": "B, bf16"}
    rows = table({"ssd300": new}, {}, {"ssd300": old}).splitlines()
    assert rows[0].startswith("|  | before | measured |")
    assert rows[3].startswith("| SSD300 VGG16, default (B, bf16) | 100.0 ms 4.00 x | 50.0 ms | 8.00 x | 75 % |")
    assert rows[4].startswith("| SSD300 VGG16, packed bf16 |  | 100.0 ms |")


def test_a_machine_in_the_readme():
    """A new machine, and a newer run of it, against the sections before the mark."""
    first = with_machine(f"# Benchmarks\n\n{LAST}\n\nmore\n", MACHINE, "| old |", page="results/a.md")
    assert "### a processor, 2 cores\n\nMeasured on 2026-11-26, 2 threads, load 0.2 before" in first
    assert "busy with other work" not in first
    again = with_machine(first, {**MACHINE, "date": "2026-12-01", "load": 3.0}, "| new |", page="results/b.md")
    assert "| old |" not in again
    assert "busy with other work" in again
    assert again.count("### a processor") == 1
    assert again.index("| new |") < again.index(LAST)
    assert again.endswith("\n\nmore\n")


def test_the_page_in_the_navigation():
    """A line for the page, once."""
    nav = '  { "Measurements" = [\n    { "Experiments" = "experiments.md" },\n  ] },\n'
    once = with_page(nav, "2026-11-26-table.md", "2026-11-26")
    assert '    { "Table of speeds, 2026-11-26" = "benchmarks/2026-11-26-table.md" },\n' in once
    assert with_page(once, "2026-11-26-table.md", "2026-11-26") == once
