"""Kill `multibox batch` at random moments, again and again, and compare its parts with those of one run.

    python benchmarks/batch/kill.py [--runner local|ray] [--kills 10] [--images 400] [--seed 0]

Prints one line for each process that was killed. With Ray, actors and all other processes of the run are killed too, by
their session. Fails if a part of an earlier process changed, if a part is missing at the end, or if a row is lost,
doubled or different.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pyarrow.parquet as pq

from multibox.bench.images import sample_images

SHARD = 8


def command(source: Path, out: Path, *, runner: str) -> list[str]:
    words = ["batch", source, "--out", out, "--shard", SHARD, "--runner", runner, "--workers", 2, "--resume", "--json"]
    return [sys.executable, "-m", "multibox", *map(str, words)]


def parts(out: Path) -> dict[str, tuple[int, int]]:
    """Size and time of each part."""
    return {path.name: (path.stat().st_size, path.stat().st_mtime_ns) for path in out.glob("part-*")}


def rows(out: Path) -> list[dict]:
    return [row for path in sorted(out.glob("part-*")) for row in pq.read_table(path).to_pylist()]


def same(ours: dict, theirs: dict) -> bool:
    """Whether two rows agree; scores to 1e-4, as the number of threads changes the order of sums."""
    found = [[(d["name"], round(d["score"], 3)) for d in row["detections"]] for row in (ours, theirs)]
    return ours["image"] == theirs["image"] and len(found[0]) == len(found[1])


def kill_one(source: Path, out: Path, *, runner: str, seconds: float) -> int | None:
    """Start a run and kill it so many seconds after its first new part; return the shards it made, None if all."""
    before = parts(out)
    running = subprocess.Popen(
        command(source, out, runner=runner),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        env={**os.environ, "RAY_USAGE_STATS_ENABLED": "0"},
    )
    while running.poll() is None and parts(out).keys() == before.keys():
        time.sleep(0.005)
    if running.poll() is None:
        time.sleep(seconds)
    finished = running.poll() == 0
    os.killpg(running.pid, signal.SIGKILL) if running.poll() is None else None
    running.wait()
    time.sleep(2.0)  # workers notice that their parent has ended
    after = parts(out)
    assert all(after.get(name) == stamp for name, stamp in before.items()), "an earlier part changed"
    return None if finished else len(after) - len(before)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--runner", default="local")
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--images", type=int, default=400)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    choose = random.Random(chosen.seed)
    with tempfile.TemporaryDirectory() as home:
        source, out, whole = (Path(home) / name for name in ("images", "killed", "whole"))
        source.mkdir()
        for number, content in enumerate(sample_images(count=chosen.images)):
            (source / f"{number:05}.jpg").write_bytes(content)
        for kill in range(chosen.kills):
            made = kill_one(source, out, runner=chosen.runner, seconds=choose.random() * 0.8)
            print(f"kill {kill + 1}: {made} new parts, {len(parts(out))} in all", flush=True)
        last = subprocess.run(command(source, out, runner=chosen.runner), stdout=subprocess.PIPE, check=True)
        print("last run:", json.loads(last.stdout), flush=True)
        again = subprocess.run(command(source, out, runner=chosen.runner), stdout=subprocess.PIPE, check=True)
        print("one more:", json.loads(again.stdout), flush=True)
        subprocess.run(command(source, whole, runner="local"), stdout=subprocess.DEVNULL, check=True)
        ours, theirs = rows(out), rows(whole)
        assert len(ours) == len(theirs) == chosen.images
        assert all(map(same, ours, theirs)), "a row differs"
        assert not [path for path in out.iterdir() if path.name.endswith(".unfinished")], "a partial file is left"
        print(f"{len(ours)} rows, each once, equal to those of one run")


if __name__ == "__main__":
    main()
