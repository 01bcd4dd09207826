"""Time and memory of `multibox detect PHOTO` from the start of the process to the box, against `import torch` alone.

    python benchmarks/first_box.py [--image docs/demo.jpg] [--weights lite320-animals] [--rounds 5] [--json FILE]

Each round starts every command once, in turns. For each: the seconds of the clock, of the processor (user and system),
both as medians, the largest memory, and the median over the rounds of the processor time divided by that of
`python -c "import torch"` of the same round. Other load on the machine hardly affects that ratio. The exported models
are written to a temporary folder. A round that is not counted comes first and fills the caches of Python and of the
system.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from subprocess import DEVNULL, Popen, run
from tempfile import TemporaryDirectory

REFERENCE = "import torch"
Command = Sequence[str]


@dataclass(frozen=True)
class Start:
    """One process from its start to its end: seconds, and MB of memory."""

    wall: float
    processor: float
    memory: float


def started(command: Command) -> Start:
    """Run a command; raises SystemExit if it fails."""
    before = time.perf_counter()
    process = Popen(command, stdout=DEVNULL, stderr=DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - before
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ends with exit code {process.returncode}")
    unit = 1e6 if sys.platform == "darwin" else 1e3
    return Start(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / unit)


def commands(image: str, weights: str, folder: Path) -> dict[str, Command]:
    """Every command by its title; exported models are written to the folder."""
    multibox = (sys.executable, "-m", "multibox")
    detect = (*multibox, "detect", image, "--weights")
    found: dict[str, Command] = {
        REFERENCE: (sys.executable, "-c", "import torch"),
        "weights": (*detect, weights),
        "weights, engine torch": (*detect, weights, "--engine", "torch"),
    }
    for kind, suffix, package in (("onnx", ".onnx", "onnxruntime"), ("openvino", ".xml", "openvino")):
        if find_spec(package) is None or find_spec("onnx") is None:
            continue
        file = str(folder / f"model{suffix}")
        run((*multibox, "export", weights, "--format", kind, "--out", file), check=True, stdout=DEVNULL, stderr=DEVNULL)
        found[f"{suffix}, default engine"] = (*detect, file)
        if kind == "onnx":
            for engine in ("onnxruntime", "openvino"):
                if find_spec(engine):
                    found[f"{suffix}, {engine}"] = (*detect, file, "--engine", engine)
    return found


def table(rounds: Sequence[Mapping[str, Start]]) -> list[dict[str, str | float]]:
    """Medians of each command."""
    rows: list[dict[str, str | float]] = []
    for name in rounds[0]:
        starts = [found[name] for found in rounds]
        ratios = [found[name].processor / found[REFERENCE].processor for found in rounds]
        rows.append(
            {
                "command": name,
                "wall": round(median(s.wall for s in starts), 2),
                "processor": round(median(s.processor for s in starts), 2),
                "over_import_torch": round(median(ratios), 2),
                "memory_mb": round(max(s.memory for s in starts)),
            }
        )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--image", default=str(Path(__file__).parents[1] / "docs" / "demo.jpg"))
    parser.add_argument("--weights", default="lite320-animals")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with TemporaryDirectory() as folder:
        wanted = commands(options.image, options.weights, Path(folder))
        rounds = [{name: started(command) for name, command in wanted.items()} for _ in range(1 + options.rounds)]
    rows = table(rounds[1:])
    print(f"{'':24}{'wall s':>9}{'processor s':>13}{'/ import torch':>16}{'MB':>6}")
    for row in rows:
        print(
            f"{row['command']:24}{row['wall']:9.2f}{row['processor']:13.2f}{row['over_import_torch']:16.2f}"
            f"{row['memory_mb']:6.0f}"
        )
    if options.json:
        from multibox.bench.machine import describe_machine  # a child's memory begins with that of this process

        options.json.write_text(json.dumps({"machine": describe_machine(), "rows": rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()
