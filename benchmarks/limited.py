"""Runs a command with a time limit: the process and its children are one group, and its output goes to a log."""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def run_limited(
    command: Sequence[str],
    *,
    limit: float,
    log: Path,
    output: Path | None = None,
    environment: Mapping[str, str | None] | None = None,
) -> int | None:
    """The exit code, None if the limit of seconds ended it. The log gets its output; `output` standard output instead.

    The command runs at the root of the repository and finds `multibox` in `src`. A variable of the environment that is
    None is removed.
    """
    paths = [str(ROOT / "src"), str(ROOT), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    own = {"PYTHONPATH": os.pathsep.join(filter(None, paths)), "PYTHONUNBUFFERED": "1", **(environment or {})}
    variables = {name: value for name, value in {**os.environ, **own}.items() if value is not None}
    with open(log, "ab") as diary, open(output or os.devnull, "wb") as answers:
        diary.write(f"\n== {' '.join(command)}\n".encode())
        diary.flush()
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=diary if output is None else answers,
            stderr=diary,
            start_new_session=True,
        )
        try:
            return process.wait(timeout=limit)
        except subprocess.TimeoutExpired:
            return None
        finally:
            if process.poll() is None:
                _end(process)


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End the process and its children; training writes a checkpoint first."""
    for number, patience in ((signal.SIGTERM, 3), (signal.SIGKILL, 10)):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=patience)
