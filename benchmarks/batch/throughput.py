"""Images per second of `multibox batch` with 1 and 2 workers beside `multibox detect`, in one run; cost of a shard.

    python benchmarks/batch/throughput.py [--images 256] [--rounds 3] [--weights NAME]

The commands run one after the other, in turns, so that other work on the machine meets all of them. Prints the median
rate of each, without its start (imports, loading), its ratio to `detect`, and the largest memory of all its processes.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from statistics import median

from multibox.bench.images import sample_images


def memory(root: int) -> float:
    """Proportional memory of a process and all that it started, in MiB."""
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        children.setdefault(parent, []).append(int(folder.name))
    total, waiting = 0, [root]
    while waiting:
        process = waiting.pop()
        waiting += children.get(process, [])
        try:
            lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total / 1024


def run(words: list[str]) -> tuple[str, str, float, float]:
    """Standard output, standard error, seconds and the largest memory of a command."""
    started = time.perf_counter()
    running = subprocess.Popen(
        [sys.executable, "-m", "multibox", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    largest = [0.0]

    def watch() -> None:
        while running.poll() is None:
            largest[0] = max(largest[0], memory(running.pid))
            time.sleep(0.5)

    watcher = threading.Thread(target=watch)
    watcher.start()
    out, err = running.communicate()
    watcher.join()
    assert running.returncode == 0, err
    return out, err, time.perf_counter() - started, largest[0]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--images", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--weights", default="lite320-animals")
    chosen = parser.parse_args()
    rates: dict[str, list[float]] = {}
    peaks: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as home:
        source, out = Path(home) / "images", Path(home) / "found"
        source.mkdir()
        for number, content in enumerate(sample_images(count=chosen.images)):
            (source / f"{number:05}.jpg").write_bytes(content)
        for _ in range(chosen.rounds):
            _, err, _, peak = run(["detect", str(source), "-w", chosen.weights, "--json"])
            seconds = float(err.split(" images in ")[1].split(" s")[0])
            rates.setdefault("detect", []).append(chosen.images / seconds)
            peaks.setdefault("detect", []).append(peak)
            for workers, shard in ((1, 64), (2, 64), (1, 4)):
                words = ["batch", str(source), "-o", str(out), "-w", chosen.weights, "--json"]
                words += ["--workers", str(workers), "--shard", str(shard)]
                shutil.rmtree(out, ignore_errors=True)
                printed, _, _, peak = run(words)
                summary = json.loads(printed)
                name = f"batch, {workers} worker(s), shards of {shard}"
                rates.setdefault(name, []).append(summary["images"] / (summary["seconds"] - summary["load_seconds"]))
                peaks.setdefault(name, []).append(peak)
            print({name: round(values[-1], 1) for name, values in rates.items()}, flush=True)
    print(f"load average {os.getloadavg()[0]:.1f}")
    print("| command | images/s | relative | memory, MiB |\n|---|---:|---:|---:|")
    for name, values in rates.items():
        ratio = median(value / reference for value, reference in zip(values, rates["detect"], strict=True))
        print(f"| {name} | {median(values):.1f} | {ratio:.2f} | {max(peaks[name]):.0f} |")


if __name__ == "__main__":
    main()
