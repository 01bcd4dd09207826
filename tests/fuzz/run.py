"""Fuzzing: read changed files of every kind until time is over, and save those that show a fault.

    PYTHONPATH=tests python -m fuzz.run --minutes 10
    PYTHONPATH=tests python -m fuzz.run --seed 7 --kind coco --only 311

The first form prints its seed; the second repeats one case of a run. A case is a fault if it raises anything but a
MultiboxError of one line, takes more than 1 GiB or 5 seconds of processor time, writes outside of its folder, or ends
the process.
"""

import argparse
import json
import os
import random
import select
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import count, islice
from pathlib import Path

import torch

from fuzz.kinds import KINDS, Files, Kind
from fuzz.worker import Case, work
from multibox.images.settings import set_max_pixels

_CASES_PER_WORKER = 300
_HANG_SECONDS = 300  # of the clock; a case is too slow by its processor time, which other programs do not lengthen
_MAX_PIXELS = 20_000_000  # so that an accepted image stays below the limit of memory


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    torch.set_num_threads(1)
    set_max_pixels(_MAX_PIXELS)
    kinds = [kind for kind in KINDS if not options.kind or kind.name in options.kind]
    files = {kind.name: kind.files() for kind in kinds}
    for kind in kinds:
        _require_readable(kind, files[kind.name])
    print(f"seed {options.seed}; failing inputs go to {options.save}", flush=True)
    start, done, faults = time.monotonic(), 0, Counter[str]()
    cases = _cases(kinds, options)
    deadline = start + 60 * options.minutes
    while time.monotonic() < deadline:
        batch = list(islice(cases, _CASES_PER_WORKER))
        if not batch:
            break
        for case, fault in _results(batch, files, deadline=deadline):
            done += 1
            if fault is not None:
                _report(case, fault, faults, files=files[case.kind.name], folder=options.save)
    seconds = time.monotonic() - start
    print(f"{done} cases in {seconds:.0f} s ({done / seconds:.0f} a second), {len(faults)} kinds of fault")
    return 1 if faults else 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="fuzz", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--cases", type=int, help="cases of each kind; by default as many as time allows")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--kind", action="append", choices=[kind.name for kind in KINDS])
    parser.add_argument("--only", type=int, help="run only the case with this number")
    parser.add_argument("--save", type=Path, default=Path(tempfile.gettempdir()) / "multibox-fuzz")
    return parser.parse_args(arguments)


def _cases(kinds: Sequence[Kind], options: argparse.Namespace) -> Iterator[Case]:
    numbers = count() if options.cases is None else range(options.cases)
    for number in numbers if options.only is None else [options.only]:
        for kind in kinds:
            yield Case(options.seed, kind, number)


def _require_readable(kind: Kind, files: Files) -> None:
    """Read the unchanged files once: they must be valid, and the modules that a reader needs are then imported.

    A kind with threads does it in a child, because its runtime would be useless in children of this process.
    """
    if kind.threads and (pid := os.fork()):
        if os.waitpid(pid, 0)[1]:
            sys.exit(f"the valid files of {kind.name} cannot be read")
        return
    with tempfile.TemporaryDirectory() as folder:
        place, out = Path(folder) / "in", Path(folder) / "out"
        for name, data in files.items():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            (place / name).write_bytes(data)
        out.mkdir()
        kind.read(place, out, random.Random(0))
    if kind.threads:
        os._exit(0)


def _results(batch: Sequence[Case], files: dict[str, Files], *, deadline: float) -> Iterator[tuple[Case, str | None]]:
    """The cases with what went wrong. A process that ends or hangs is replaced by one for the rest of the batch."""
    first = 0
    while first < len(batch) and time.monotonic() < deadline:
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            work(batch[first:], files, writer)
        os.close(writer)
        last, finished = first, True
        for line in _lines(reader, deadline=deadline):
            last, finished = first + line["index"], "fault" in line
            if finished:
                yield batch[last], line["fault"]
        os.close(reader)
        status = _ended(pid)
        if not finished and time.monotonic() < deadline:
            yield batch[last], f"the process ended with {status}, or took more than {_HANG_SECONDS} seconds"
        first = last + 1


def _lines(reader: int, *, deadline: float) -> Iterator[dict[str, object]]:
    """What a worker says, until it ends, hangs or the time is over."""
    rest = b""
    while (left := deadline - time.monotonic()) > 0 and select.select([reader], [], [], min(left, _HANG_SECONDS))[0]:
        data = os.read(reader, 65536)
        if not data:
            return
        *lines, rest = (rest + data).split(b"\n")
        yield from map(json.loads, lines)


def _ended(pid: int) -> str:
    """End a worker that still runs; return how it ended."""
    for _ in range(100):
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return f"status {os.waitstatus_to_exitcode(status)}"
        time.sleep(0.02)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return "no answer"


def _report(case: Case, fault: str, faults: Counter[str], *, files: Files, folder: Path) -> None:
    """Print and save the first case of each kind of fault."""
    title = f"{case.kind.name}: {fault.splitlines()[0]}"
    faults[title] += 1
    if faults[title] > 1:
        return
    place = folder / case.name
    shutil.rmtree(place, ignore_errors=True)
    case.write(place, files)
    (folder / f"{case.name}.txt").write_text(f"{title}\n{fault}\n")
    print(f"{title[:300]}\n  repeat: --seed {case.seed} --kind {case.kind.name} --only {case.number}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
