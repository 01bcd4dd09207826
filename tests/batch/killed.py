"""Runs a batch in processes that are killed at random lines; `test_kill.py` runs it and checks the parts.

    python killed.py PHOTOS WEIGHTS OUT KILLS SEED

Prints one JSON line for each process: its exit status, the parts before and after it, and whether old ones changed. All
processes are forks of this one, which never computes, so that they share the imported modules.
"""

import json
import os
import random
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Any

import cv2
import torch

import multibox.detection.engines.packed
import multibox.weights.source  # noqa: F401
from multibox.batch.run import run_batch
from multibox.batch.runners import RUNNERS

TRACED = ("multibox/batch/", "multibox/system/atomic.py", "multibox/system/storage.py")
LINES = 600
"""A process lives for as many lines of these files at most, which are those of the list and about two shards."""


def kill_after(lines: int) -> None:
    """Let this process die without cleanup, as in a power cut, after so many lines."""
    left = lines

    def count(frame: FrameType, event: str, argument: object) -> Any:
        nonlocal left
        left -= event == "line"
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return count

    sys.settrace(lambda frame, *_: count if any(name in frame.f_code.co_filename for name in TRACED) else None)


def start(photos: str, weights: str, out: str, *, lines: int | None) -> int:
    """Run or resume the batch in a new process that dies after some lines, and return its exit status."""
    child = os.fork()
    if child:
        return os.waitpid(child, 0)[1]
    if lines is not None:
        kill_after(lines)
    summary = run_batch(photos, out=out, weights=weights, runner="here", shard=2, resume=True, batch_size=2)
    os._exit(0 if summary.shards else 3)


def content(out: Path) -> dict[str, tuple[int, int]]:
    """The size and the time of each part."""
    return {path.name: (path.stat().st_size, path.stat().st_mtime_ns) for path in out.glob("part-*")}


def main() -> None:
    photos, weights, out, kills, seed = sys.argv[1:]
    choose = random.Random(int(seed))
    RUNNERS["here"] = "batch_here"
    torch.set_num_threads(1)
    cv2.setNumThreads(0)
    killed = 0
    while killed <= int(kills):
        before = content(Path(out))
        last = killed == int(kills)
        status = start(photos, weights, out, lines=None if last else choose.randrange(LINES))
        after = content(Path(out))
        print(json.dumps([status, sorted(before), sorted(after), all(after.get(n) == v for n, v in before.items())]))
        if status == 0:
            break
        killed += 1


if __name__ == "__main__":
    main()
