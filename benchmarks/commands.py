"""Time and memory of whole commands, from the start of the process to its end.

    python -m benchmarks.commands [--image FILE] [--data PATH] [--rounds 3] [--names NAME ...] [--json FILE]

`multibox detect` of one JPEG with the weights of the package, and with the same detector exported for each installed
engine; `multibox reproduce table2 --plan`; `multibox demo`, which takes minutes and is left out unless it is named. The
first call of each is reported apart, because it may fill caches; of the others the fastest counts. Exporting is not
part of the time. "user" is processor time of all threads.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

Row = dict[str, Any]

# name: format and precision of the export, engine, packages that it needs
EXPORTED = {
    "detect, OpenVINO bf16": ("openvino", "bf16", "openvino", ("openvino", "onnxscript")),
    "detect, OpenVINO int8": ("openvino", "int8", "openvino", ("openvino", "onnxscript", "nncf")),
    "detect, ONNX in OpenVINO": ("onnx", "fp32", "openvino", ("openvino", "onnxscript")),
    "detect, ONNX in ONNX Runtime": ("onnx", "fp32", "onnxruntime", ("onnxruntime", "onnxscript")),
    "detect, LiteRT": ("litert", "fp32", "litert", ("ai_edge_litert", "litert_torch")),
}
SUFFIXES = {"openvino": ".xml", "onnx": ".onnx", "litert": ".tflite"}
WEIGHTS, PLAN, DEMO = "detect, weights", "reproduce table2 --plan", "demo"
NAMES = (WEIGHTS, *EXPORTED, PLAN, DEMO)


def multibox(*words: object) -> list[str]:
    return [sys.executable, "-m", "multibox", *map(str, words)]


def commands(names: Sequence[str], image: Path, data: Path, folder: Path) -> dict[str, list[str] | str]:
    """The command of each name, or why there is none."""
    found: dict[str, list[str] | str] = {
        WEIGHTS: multibox("detect", image),
        PLAN: multibox("reproduce", "table2", "--plan", "--data", data),
        DEMO: multibox("demo", "--out", folder / "demo"),
    }
    for name in EXPORTED:
        if name in names:
            found[name] = _exported(name, image, folder)
    return {name: found[name] for name in names}


def _exported(name: str, image: Path, folder: Path) -> list[str] | str:
    """The command with the exported detector, which is written here."""
    form, precision, engine, packages = EXPORTED[name]
    missing = [package for package in packages if find_spec(package) is None]
    if missing:
        return f"{', '.join(missing)} not installed"
    path = folder / f"{form}-{precision}{SUFFIXES[form]}"
    words = ["export", "lite320-animals", "--format", form, "--precision", precision, "--out", path, "--force"]
    if precision == "int8":
        words += ["--calibrate", image.parent, "--calibrate-images", 30]
    done = subprocess.run(multibox(*words), capture_output=True, text=True)
    if done.returncode:
        return (done.stderr.strip().splitlines() or ["export failed"])[-1][:200]
    return multibox("detect", image, "--weights", path, "--engine", engine)


def timed(command: Sequence[str]) -> Row:
    """Seconds on the clock and of the processor, and MiB, of one process."""
    start = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        complaint = process.stderr.read().decode(errors="replace")
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        return {"error": (complaint.strip().splitlines() or [f"exit code {process.returncode}"])[-1][:200]}
    seconds = {"wall": time.perf_counter() - start, "user": usage.ru_utime + usage.ru_stime}
    return {**seconds, "mib": usage.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)}


def measure(command: Sequence[str], *, rounds: int) -> Row:
    """The first call, and the least of the others."""
    calls = []
    for _ in range(rounds):
        calls.append(timed(command))
        if "error" in calls[-1]:
            return calls[-1]
    rest = calls[1:] or calls
    return {**{key: min(call[key] for call in rest) for key in calls[0]}, "first": calls[0]["wall"]}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--image", type=Path, default=Path("docs/images/animals.jpg"))
    parser.add_argument("--data", type=Path, default=Path("."))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--names", nargs="+", choices=NAMES, default=[name for name in NAMES if name != DEMO])
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    rows: dict[str, Row] = {}
    print("| | first, s | wall, s | user, s | MiB |\n|---|---|---|---|---|", flush=True)
    with TemporaryDirectory() as folder:
        for name, command in commands(given.names, given.image, given.data, Path(folder)).items():
            if isinstance(command, str):
                rows[name] = {"error": command}
            else:
                rows[name] = measure(command, rounds=1 if name == DEMO else given.rounds)
            cells = [f"{rows[name][key]:.2f}" for key in ("first", "wall", "user", "mib") if key in rows[name]]
            print(f"| {name} | {' | '.join(cells or [rows[name]['error']])} |", flush=True)
    if given.json:
        given.json.write_text(json.dumps({"load": os.getloadavg()[0], "rows": rows}))


if __name__ == "__main__":
    main()
