"""Test and measure multibox on a GPU in a given time: one command, the most important step first.

    python -m benchmarks.gpu.run --pack .gpu --out DIR [--budget 420] [--steps NAME ...] [--seconds 90] [--workers 14]

Each step runs in a separate process with a time limit, and no step starts that does not fit into the budget. Results
are written to DIR immediately: rows.jsonl (one line for each measurement), results.md (tables) and log.txt (everything
printed). Run it again with the same DIR to continue: what was measured is not measured again. benchmarks/gpu/README.md
has more.
"""

import argparse
import json
import os
import shutil
import sys
import tarfile
import time
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import mkdtemp
from typing import Any
from xml.etree import ElementTree

from benchmarks.gpu.layout import DATA
from benchmarks.limited import run_limited
from benchmarks.rows import Row, Rows, read_rows, table

RESERVE = 5  # seconds at the end of the budget for the tables
VERSIONS = ("torch", "torchvision", "triton", "numpy", "opencv-python-headless", "onnxruntime", "pydantic", "typer")


@dataclass(frozen=True)
class Step:
    """`words` are the module and its arguments; `limit` is in seconds, and so is `least`, below which it cannot start.

    `seconds` is the time for one measurement, None for the time of a whole training run.
    """

    name: str
    words: tuple[str, ...]
    limit: float
    least: float
    seconds: float | None = 0.25


STEPS = (
    Step("tests", ("pytest",), limit=110, least=20),
    Step("inference", ("benchmarks.gpu.inference",), limit=130, least=20),
    Step("throughput", ("benchmarks.gpu.throughput",), limit=140, least=20),
    Step("learn-light160", ("benchmarks.gpu.learn", "light160"), limit=60, least=60, seconds=None),
    Step("learn-ssd300", ("benchmarks.gpu.learn", "ssd300"), limit=60, least=60, seconds=None),
    Step("learn-torchvision", ("benchmarks.gpu.learn", "torchvision"), limit=60, least=60, seconds=None),
    Step("compiled", ("benchmarks.gpu.compiled",), limit=150, least=40),
)
PYTEST = ("-q", "-m", "gpu", "tests/gpu", "-o", "addopts=--import-mode=importlib", "-o", "filterwarnings=default")


class Driver:
    """Runs steps until the budget is used up."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.arguments = arguments
        self.out: Path = arguments.out
        self.out.mkdir(parents=True, exist_ok=True)
        self.rows = self.out / "rows.jsonl"
        self.own = Rows(self.rows, step="steps")
        self.scratch = Path(mkdtemp(prefix="multibox-gpu-"))
        self.start = time.monotonic()

    def left(self) -> float:
        return float(self.arguments.budget) - RESERVE - (time.monotonic() - self.start)

    def run(self, step: Step, data: Path) -> None:
        """One step; its row says how it ended."""
        extra = 0.0 if step.seconds is not None else self.arguments.seconds
        limit = min(step.limit + extra, self.left())
        if limit < step.least + 0.9 * extra and not self.arguments.smoke:
            self.own.add(step.name, {"error": f"not started: {limit:.0f} s are left"})
            return
        start = time.monotonic()
        print(f"== {step.name}, at most {limit:.0f} s", flush=True)
        code = self._execute(self._command(step, data), limit)
        row: Row = {"seconds": round(time.monotonic() - start, 1), "exit": code}
        if code != 0:
            row["error"] = "over its time limit" if code is None else f"exit code {code}"
        self.own.add(step.name, row)
        if step.name == "tests":
            for found in test_rows(self.out / "tests.xml"):
                Rows(self.rows, step="tests").add(found["name"], found)
        self.write_tables()

    def _command(self, step: Step, data: Path) -> list[str]:
        if step.words[0] == "pytest":
            report = f"--junitxml={self.out / 'tests.xml'}"
            parallel = [] if self.arguments.smoke else ["-p", "xdist.plugin", "-n", "6"]
            return [sys.executable, "-m", "pytest", *PYTEST, *parallel, report]
        seconds = self.arguments.seconds if step.seconds is None else step.seconds
        words = ["--rows", self.rows, "--data", data, "--scratch", self.scratch, "--device", self.arguments.device]
        words += ["--seconds", 0.005 if self.arguments.smoke else seconds, "--workers", self.arguments.workers]
        smoke = ["--smoke"] if self.arguments.smoke else []
        return [sys.executable, "-m", *step.words, *map(str, words), *smoke]

    def _execute(self, command: list[str], limit: float) -> int | None:
        """The exit code, None if the limit ended it."""
        environment = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        return run_limited(command, limit=limit, log=self.out / "log.txt", environment=environment)

    def write_tables(self) -> None:
        """Rewrite results.md from all rows."""
        rows = read_rows(self.rows)
        text = f"# multibox on a GPU\n\n{table(rows)}"
        (self.out / "results.md").write_text(text)


def unpack(pack: Path, folder: Path) -> Path:
    """The packed data set below `folder`."""
    with tarfile.open(pack / DATA) as archive:
        archive.extractall(folder, filter="data")
    return folder / "voc_animals"


def test_rows(report: Path) -> list[Row]:
    """A row that counts the tests, and one for each that failed."""
    cases = list(ElementTree.parse(report).iter("testcase")) if report.exists() else []
    failed = [(case, problem) for case in cases for problem in case if problem.tag in ("failure", "error")]
    skipped = sum(child.tag == "skipped" for case in cases for child in case)
    counts = {"tests": len(cases), "failed": len(failed), "skipped": skipped}
    rows: list[Row] = [{"step": "tests", "name": "all", **counts}]
    for case, problem in failed:
        name = f"{case.get('classname')}::{case.get('name')}"
        rows.append({"step": "tests", "name": name, "error": (problem.get("message") or "").strip()[:400]})
    return rows


def describe_machine(device: str) -> Row:
    """Versions and hardware; imports torch, which takes some seconds."""
    import torch

    row: dict[str, Any] = {"python": sys.version.split()[0], "cores": os.cpu_count(), "device": device}
    for name in VERSIONS:
        try:
            row[name] = version(name)
        except PackageNotFoundError:
            row[name] = "missing"
    if Path("/dev/shm").exists():  # workers pass their batches through it
        row["shm_gib"] = round(shutil.disk_usage("/dev/shm").total / 2**30, 2)
    if device.startswith("cuda"):
        row["gpu"] = torch.cuda.get_device_name()
        row["gpu_memory_gib"] = round(torch.cuda.get_device_properties(0).total_memory / 2**30, 1)
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--pack", default=Path(".gpu"), type=Path)
    parser.add_argument("--out", required=True, type=Path)
    parser.add_argument("--budget", default=420.0, type=float)
    parser.add_argument("--steps", nargs="+", choices=[step.name for step in STEPS])
    parser.add_argument("--seconds", default=90.0, type=float, help="for one training run")
    parser.add_argument("--workers", default=14, type=int)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--smoke", action="store_true", help="tiny networks, to check that everything runs")
    arguments = parser.parse_args()
    driver = Driver(arguments)
    driver.own.measure("machine", lambda: describe_machine(arguments.device))
    data = unpack(arguments.pack, driver.scratch)
    done = {row["name"] for row in read_rows(driver.rows) if row["step"] == "steps" and "error" not in row}
    for step in STEPS:
        if step.name not in done and (arguments.steps is None or step.name in arguments.steps):
            driver.run(step, data)
    driver.write_tables()
    print((driver.out / "results.md").read_text()[-11_000:])
    print(json.dumps({"seconds": round(time.monotonic() - driver.start, 1)}))


if __name__ == "__main__":
    main()
