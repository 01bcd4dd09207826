"""`multibox reproduce`: options reach the request, files and JSON are written, errors are one line."""

import json
from pathlib import Path

import pytest

from devkit import tiny_settings, write_devkit
from multibox.paper import speed as reproduce_speed
from multibox.size import Size


@pytest.fixture(scope="module")
def devkit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_devkit(tmp_path_factory.mktemp("mine"), years={"2012": {"trainval": 5, "test": 3}})


def settings(*more: str) -> list[str]:
    return [word for setting in (*tiny_settings(iterations=1), *more) for word in ("--set", setting)]


def test_a_row_of_a_table_and_its_plan(multibox, devkit: Path, tmp_path: Path):
    """Plan, run and plan again for one row on another data set against states, files and the exit code."""
    words = ["reproduce", "table2", "--data", devkit, "--out", tmp_path / "out", "--rows", "table2-only-flips"]
    words += ["--train-split", "trainval", "--test-split", "test", "--device", "cpu", *settings()]
    planned = multibox(*words, "--plan")
    assert planned.code == 0, planned.err
    assert "table2-only-flips" in planned.out
    assert "to do" in planned.out
    assert f"found: trainval: {devkit}, 5 images" in planned.out
    assert not (tmp_path / "out").exists()
    done = multibox(*words, "--json")
    assert done.code == 0, done.err
    fields = json.loads(done.out)
    assert fields["rehearsal"][:2] == ["trained on trainval", "tested on test"]
    assert fields == json.loads((tmp_path / "out" / "table2.json").read_text())
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "table2-only-flips",
        "table2.json",
        "table2.md",
        "table2.png",
    }
    again = json.loads(multibox(*words, "--plan", "--json").out)
    assert [step["state"] for step in again["steps"]] == ["finished"]


def test_a_row_that_was_trained_by_hand_is_taken(multibox, devkit: Path, tmp_path: Path):
    """A training by `multibox train` in the row's folder: no further step is trained, and the row has a number."""
    folder = tmp_path / "out" / "table2-only-flips"
    words = ["train", "table2-only-flips", "--data", devkit, "--out", folder, "--split", "trainval", "--device", "cpu"]
    assert multibox(*words, *settings()).code == 0
    trained = (folder / "last.safetensors").read_bytes(), (folder / "metrics.jsonl").read_text()
    words = ["reproduce", "table2", "--data", devkit, "--out", tmp_path / "out", "--rows", "table2-only-flips"]
    words += ["--train-split", "trainval", "--test-split", "test", "--device", "cpu", "--json", *settings()]
    outcome = multibox(*words)
    assert outcome.code == 0, outcome.err
    assert json.loads(outcome.out)["rows"][0]["ours"] is not None
    assert trained == ((folder / "last.safetensors").read_bytes(), (folder / "metrics.jsonl").read_text())


def test_a_figure_of_existing_detectors(multibox, weights: Path, tmp_path: Path):
    """Figure 3 from given weights against the printed folder."""
    from multibox.data.scenes.scenes import write_scenes

    write_scenes(tmp_path / "scenes", count=3, seed=0, size=Size(80, 96), split="test")
    words = ["figure3", "--data", tmp_path / "scenes", "--test-split", "test", "--out", tmp_path / "out"]
    outcome = multibox("reproduce", *words, "--set", 'classes=["disc","square"]', "--weights", weights)
    assert outcome.code == 0, outcome.err
    assert outcome.out.strip() == str(tmp_path / "out" / "figure3" / "report.html")
    numbers = json.loads((tmp_path / "out" / "figure3" / "analysis.json").read_text())
    assert "rehearsal: tested on test" in numbers["data"]
    assert numbers["detectors"][0]["name"] == "SSD512 from tiny.safetensors (rehearsal)"


def test_figure_5_is_an_image(multibox, weights: Path, tmp_path: Path):
    """Figure 5 from given weights, which score high everywhere, against the printed file."""
    from multibox.data.scenes.scenes import write_scenes

    write_scenes(tmp_path / "scenes", count=3, seed=0, size=Size(80, 96), split="test")
    words = ["figure5", "--data", tmp_path / "scenes", "--test-split", "test", "--out", tmp_path / "out"]
    outcome = multibox("reproduce", *words, "--weights", weights)
    assert outcome.code == 0, outcome.err
    sheet = tmp_path / "out" / "figure5" / "figure5.jpg"
    assert outcome.out.strip() == str(sheet)
    assert sheet.read_bytes().startswith(b"\xff\xd8")


def test_speeds_beside_the_papers(multibox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Table 7 with a fake measurement against the paper's rows, and the machine in the note."""
    row = {"model": "ssd300", "weights": "random weights", "batches": {"1": {"fps": 12.5}, "8": {"fps": 20.0}}}
    measured = {
        "machine": {"threads": 2, "load": 0.1, "torch": "2"},
        "device": "cpu, a processor",
        "engine": "PyTorch",
        "rows": [row],
    }
    monkeypatch.setattr(reproduce_speed, "bench_table7", lambda **options: measured)
    outcome = multibox("reproduce", "table7", "--out", tmp_path, "--json")
    assert outcome.code == 0, outcome.err
    fields = json.loads(outcome.out)
    ours = {entry["label"]: entry["ours"] for entry in fields["rows"]}
    assert ours["SSD300, batch 1"] == {"FPS": 12.5}
    assert ours["SSD300, batch 8"] == {"FPS": 20.0}
    assert ours["SSD512, batch 1"] is None
    assert "a processor, 2 threads" in fields["note"]
    assert fields["measured"] == measured
    assert (tmp_path / "table7.png").exists()


def test_speeds_beside_other_detectors(multibox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Table 7 with fake measurements of peers against their section, with the paper's ratios, and the JSON."""
    machine = {"threads": 2, "load": 0.1, "torch": "2"}
    row = {"model": "ssd300", "weights": "random weights", "batches": {"1": {"fps": 12.5}}}
    measured = {"machine": machine, "device": "cpu, a processor", "engine": "PyTorch", "rows": [row]}
    methods = (("SSD300", 300, 12.0), ("Faster R-CNN (VGG16)", 600, 2.0), ("YOLO", 448, 30.0))
    peers = {
        "date": "2026-11-26",
        "machine": machine,
        "device": "cpu, a processor",
        "python": "python3",
        "versions": {"torch": "3", "torchvision": "4", "ultralytics": None},
        "rounds": 5,
        "matrix_product_giga_operations_per_second": {"fp32": 100.4},
        "rows": [
            {"method": name, "program": "p", "input_size": [side, 800], "fps": fps, "over_faster_rcnn": fps / 2}
            for name, side, fps in methods
        ],
    }
    monkeypatch.setattr(reproduce_speed, "bench_table7", lambda **options: dict(measured))
    monkeypatch.setattr(reproduce_speed, "bench_headline", lambda python, device: {"python": python, **peers})
    outcome = multibox("reproduce", "table7", "--peers", "python3", "--out", tmp_path)
    assert outcome.code == 0, outcome.err
    lines = outcome.out.splitlines()
    assert "| SSD300, p | 800 x 300 | 12 | 6 | 46 | 6.6 |" in lines
    assert "| Faster R-CNN (VGG16), p | 800 x 600 | 2 | 1 | 7 | 1 |" in lines
    assert "| YOLO, p | 800 x 448 | 30 | 15 | 45 | 6.4 |" in lines
    assert "No YOLO: ultralytics is not installed for python3." in lines
    assert json.loads((tmp_path / "table7.json").read_text())["measured"]["peers"] == peers


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["table9", "--data", "DATA"], 2, "'table9' cannot be reproduced: choose one of table1, table2"),
        (["table2"], 2, "table2 needs images: give --data PATH"),
        (["table2", "--data", "DATA", "--rows", "table4-*"], 2, "'table4-*' matches no row of table2"),
        (["table2", "--data", "DATA", "--set", "schedule.speed=3"], 2, "'speed' is not a setting here"),
        (["table2", "--data", "DATA", "--scale", "2"], 2, "--scale"),
        (["table2", "--data", "DATA", "--weights", "x"], 2, "--weights does not fit table2"),
        (["table2", "--data", "DATA", "--peers", "python3"], 2, "--peers does not fit table2, only table7 measures"),
        (["table7", "--peers", "no/python"], 2, "'no/python' does not exist: give the path of the Python of an"),
        (
            ["table7", "--peers", ""],
            2,
            "'' is no program: give the path of the Python of an environment with torchvision",
        ),
        (["table7", "--peers", "DATA", "--plan"], 2, "is a folder, not a program: give the path of the Python"),
        (
            ["table7", "--peers", "nopython", "--plan"],
            2,
            "'nopython' is not found in PATH: give the path of the Python",
        ),
        (["table7", "--scale", "0.5"], 2, "--scale does not fit table7, which measures speed and reads no data"),
        (["table7", "--set", "seed=3"], 2, "--set does not fit table7, which measures speed and reads no data"),
        (["table7", "--peers", "true"], 1, "true ended: give the Python of an environment with torchvision"),
        (["figure3", "--data", "DATA", "--rows", "x"], 2, "--rows does not fit figure3"),
        (["figure4", "--data", "DATA", "--weights", "x"], 2, "1 weights for figure4, which shows SSD300, SSD512"),
        (["table1", "--data", "no/data"], 1, "no/data does not exist; give the folder of VOCdevkit, coco or ILSVRC"),
        (["figure3", "--data", "DATA"], 1, "table1-ssd512-0712 needs 2007:trainval+2012:trainval: year '2007'"),
    ],
)
def test_wrong_arguments_are_one_line(
    multibox, devkit: Path, tmp_path: Path, words: list[str], code: int, message: str
):
    """Unknown names, options that exclude each other and missing data against exit code and one line."""
    given = [{"DATA": devkit}.get(word, word) for word in words]
    outcome = multibox("reproduce", *given, "--out", tmp_path / "out")
    assert (outcome.code, outcome.out) == (code, "")
    assert outcome.err.count("\n") == 1
    assert message in outcome.err


def test_rows_without_data_end_in_the_reason(multibox, devkit: Path, tmp_path: Path):
    """Two rows of years that the data lack against a last line on standard error with the rows and the first reason."""
    words = ["reproduce", "table1", "--data", devkit, "--out", tmp_path / "out", "--rows", "table1-ssd300-07*"]
    outcome = multibox(*words)
    assert outcome.code == 1
    last = outcome.err.splitlines()[-1]
    assert last.startswith("multibox: no result for table1-ssd300-07, table1-ssd300-0712")
    assert "needs 2007:trainval: year '2007'" in last
    assert last.endswith("--plan lists the data")


def test_the_plan_of_speeds_is_a_line(multibox, tmp_path: Path):
    """`reproduce table7 --plan` against an empty plan, because nothing is trained."""
    outcome = multibox("reproduce", "table7", "--data", tmp_path, "--plan", "--json")
    assert outcome.code == 0
    assert json.loads(outcome.out)["steps"] == []
    assert "trains nothing" in outcome.err
