"""The whole table of speeds in one run: detection, training and commands, beside torchvision and a YOLO.

    python -m benchmarks.table --out DIR [--peer PYTHON_WITH_TORCHVISION] [--yolo PYTHON_WITH_ULTRALYTICS]
                               [--images FOLDER] [--data PATH] [--quick-data PATH] [--steps NAME ...] [--rounds N]
                               [--threads N] [--limit FACTOR] [--source SRC] [--before DIR] [--publish]

Each step is a separate process with a time limit and leaves its numbers in DIR/STEP.json; DIR/table.md has the table,
DIR/steps.jsonl how the steps ended, DIR/log.txt what they printed. Run it again with the same DIR to continue: steps
with numbers are not repeated. `--images` are photographs for detection and `--data` a data set for training, by default
generated ones; `--quick-data` is that of the recipe `quick`. `--rounds` replaces all numbers of measurements, `--limit`
multiplies all time limits. `--source` is the folder `src` of another version, for the steps that run commands alone
(quick-fp32, quick-bf16, commands, busy); `--before` is the DIR of another run, whose numbers get a column. `--publish`
copies the page to benchmarks/results and the table into benchmarks/README.md.
Settings of OpenMP in the environment are removed, because they change what is measured.
"""

import argparse
import json
import os
import sys
import time
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from benchmarks.limited import ROOT, run_limited
from benchmarks.rows import Row, Rows, read_rows
from benchmarks.table.page import page, read_results
from benchmarks.table.publish import publish
from benchmarks.table.steps import STEPS, Setting, Step
from multibox.system.process import own_cores

WAITING = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "OPENBLAS_NUM_THREADS", "KMP_BLOCKTIME")
NAMES = [step.name for step in STEPS]
PACKAGES = ("torch", "openvino", "nncf", "onnxruntime", "numpy", "opencv-python-headless")


def describe(threads: int) -> dict[str, Any]:
    """Machine, versions, date and command; imports torch."""
    from multibox.bench.machine import describe_machine

    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = "missing"
    words = ["PATH" if "/" in word else word for word in sys.argv[1:]]
    run = {"date": str(date.today()), "command": " ".join(["python -m benchmarks.table", *words])}
    return {**describe_machine(), "threads": threads, "versions": versions, **run}


def generated(out: Path, given: argparse.Namespace) -> Setting:
    """The setting, with generated images and data for what is not given."""
    from multibox.bench.images import sample_images
    from multibox.data.scenes.scenes import write_scenes
    from multibox.images.find import find_images
    from multibox.size import Size

    images, data = given.images or out / "images", given.data or out / "scenes"
    if given.images is None and not images.exists():
        images.mkdir()
        for number, content in enumerate(sample_images(count=10)):
            (images / f"{number}.jpg").write_bytes(content)
    if given.data is None and not data.exists():
        write_scenes(data, count=48, seed=0, size=Size(375, 500), split="train")
    quick = given.quick_data or data
    found = find_images([images])
    if not found.files:
        raise SystemExit(found.problems[0])
    return Setting(
        out,
        images.resolve(),
        found.files[0].resolve(),
        data.resolve(),
        quick.resolve(),
        given.peer,
        given.yolo,
        given.threads,
        given.rounds,
        tuple(given.settings),
    )


class Driver:
    """Runs the steps that have no result yet."""

    def __init__(self, setting: Setting, *, factor: float, before: Path | None, source: Path | None) -> None:
        self.out, self.setting, self.factor, self.source = setting.out, setting, factor, source
        self.before = {} if before is None else read_results(before, NAMES)
        self.rows = Rows(self.out / "steps.jsonl", step="table")

    def run(self, step: Step) -> None:
        """One step; its row says how it ended."""
        if (why := step.missing(self.setting)) is not None:
            self.rows.add(step.name, {"error": why})
            return
        limit = step.limit * self.factor
        print(f"== {step.name}, at most {limit:.0f} s", flush=True)
        start, before = time.monotonic(), os.getloadavg()[0]
        row: Row = {"before": round(before, 2), **self._outcome(step, limit)}
        self.rows.add(step.name, {"seconds": round(time.monotonic() - start, 1), "after": os.getloadavg()[0], **row})

    def _outcome(self, step: Step, limit: float) -> Row:
        """An error, or nothing if the step left its numbers."""
        part = self.out / f"{step.name}.part"
        part.unlink(missing_ok=True)
        command = step.command(self.setting, part)
        variables: dict[str, str | None] = {**dict.fromkeys(WAITING), "OMP_NUM_THREADS": str(self.setting.threads)}
        if self.source is not None:
            variables["PYTHONPATH"] = os.pathsep.join(map(str, (self.source.resolve(), ROOT)))
        code = run_limited(
            command,
            limit=limit,
            log=self.out / "log.txt",
            output=part if step.prints else None,
            environment=variables,
        )
        if code != 0:
            return {"error": f"over its limit of {limit:.0f} s" if code is None else f"exit code {code}, see log.txt"}
        part.rename(self.out / f"{step.name}.json")
        return {}

    def write(self, machine: dict[str, Any]) -> str:
        """Rewrite table.md from all that is there."""
        text = page(machine, read_results(self.out, NAMES), read_rows(self.out / "steps.jsonl"), self.before)
        (self.out / "table.md").write_text(text)
        return text


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--out", required=True, type=Path)
    parser.add_argument("--peer")
    parser.add_argument("--yolo")
    parser.add_argument("--images", type=Path)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--quick-data", type=Path)
    parser.add_argument("--steps", nargs="+", choices=NAMES)
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--threads", type=int, default=own_cores())
    parser.add_argument("--settings", nargs="*", default=[], help="changes of the recipe quick, for rehearsals")
    parser.add_argument("--limit", type=float, default=1.0)
    parser.add_argument("--source", type=Path)
    parser.add_argument("--before", type=Path)
    parser.add_argument("--publish", action="store_true")
    return parser.parse_args()


def main() -> None:
    given = arguments()
    out: Path = given.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    driver = Driver(generated(out, given), factor=given.limit, before=given.before, source=given.source)
    described = out / "machine.json"
    if not described.exists():
        described.write_text(json.dumps(describe(given.threads)))
    machine = json.loads(described.read_text())
    for step in STEPS:
        wanted = not step.asked if given.steps is None else step.name in given.steps
        if wanted and not (out / f"{step.name}.json").exists():
            driver.run(step)
            driver.write(machine)
    print(driver.write(machine))
    if given.publish:
        publish(machine, out, NAMES)


if __name__ == "__main__":
    main()
