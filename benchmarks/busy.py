"""Training beside one busy process, as a share of its speed on an idle machine.

    python -m benchmarks.busy [--recipe quick] [--data PATH] [--steps 8] [--rounds 2] [--settings KEY=VALUE ...]
                              [--json FILE]

`multibox bench train` alone and beside a process that keeps one core busy, in turns; images a second are those of steps
on batches in memory. On a machine that is not idle the share says little.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from statistics import median
from typing import Any


@contextmanager
def busy() -> Iterator[None]:
    """One core is busy."""
    process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        yield
    finally:
        process.kill()
        process.wait()


def speed(words: Sequence[str]) -> float:
    """Images a second of `multibox bench train`."""
    command = [sys.executable, "-m", "multibox", "bench", "train", *words, "--json"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return float(json.loads(done.stdout)["in_memory"]["images_per_second"])


def measure(words: Sequence[str], *, rounds: int) -> dict[str, Any]:
    """Images a second by round, and the share."""
    speeds: dict[str, list[float]] = {"alone": [], "beside": []}
    for _ in range(rounds):
        for name, work in (("alone", nullcontext()), ("beside", busy())):
            with work:
                speeds[name].append(speed(words))
    return {**speeds, "share": median(speeds["beside"]) / median(speeds["alone"])}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--recipe", default="quick")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--settings", nargs="*", default=[])
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    words = [given.recipe, "--steps", str(given.steps), *(["--data", str(given.data)] if given.data else [])]
    words += [word for setting in given.settings for word in ("--set", setting)]
    load = os.getloadavg()[0]
    result = {"recipe": given.recipe, "load": load, **measure(words, rounds=given.rounds)}
    print(json.dumps(result))
    if given.json:
        given.json.write_text(json.dumps(result))


if __name__ == "__main__":
    main()
