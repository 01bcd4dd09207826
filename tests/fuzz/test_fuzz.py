"""A short run of the fuzzing with a fixed seed, and what it has found."""

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from fuzz import readers, seeds, worker
from fuzz.kinds import KINDS, Kind

ROOT = Path(__file__).parents[2]
FILES = {"a.txt": b"1 2\n"}


def run(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Start `fuzz.run` as make does."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT / "tests")])}
    command = [sys.executable, "-m", "fuzz.run", "--save", str(folder), *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_a_short_run_finds_nothing(tmp_path: Path) -> None:
    """The same changed files in every run: all are accepted or refused with one line, within the limits."""
    result = run("--seed", "11", "--cases", "12", "--minutes", "5", folder=tmp_path)
    assert result.returncode == 0, result.stdout + result.stderr
    assert f"{12 * len(KINDS)} cases" in result.stdout


def fault_of(read: object, home: Path) -> str:
    """What the fuzzing says about a reader."""
    kind = Kind("broken", lambda: FILES, read)  # type: ignore[arg-type]
    fault = worker.run_case(worker.Case(0, kind, 0), FILES, home)
    assert fault is not None
    return fault


def test_other_errors_are_faults(tmp_path: Path) -> None:
    """Readers with errors that are not multibox's, or of several lines, against the text about them."""

    class SeveralLines(readers.MultiboxError):
        def __str__(self) -> str:
            return "a\nb"

    def several_lines(_folder: Path, _out: Path, _rng: random.Random) -> None:
        raise SeveralLines

    def another_error(_folder: Path, _out: Path, _rng: random.Random) -> None:
        raise KeyError("a")

    def endless(_folder: Path, _out: Path, _rng: random.Random) -> None:
        while True:
            pass

    assert "several lines" in fault_of(several_lines, tmp_path)
    assert "KeyError at" in fault_of(another_error, tmp_path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(worker, "CPU_SECONDS", 0.05)
        assert "TooSlow at" in fault_of(endless, tmp_path)


@pytest.mark.parametrize("make", [getattr(seeds, name) for name in ("voc", "weights", "pth", "images")])
def test_the_same_number_makes_the_same_case(make: object, tmp_path: Path) -> None:
    """The files of a case, written twice, against each other; they differ from the valid ones in one file."""
    kind = next(kind for kind in KINDS if kind.files is make)
    files = kind.files()
    for folder in ("a", "b"):
        worker.Case(3, kind, 5).write(tmp_path / folder, files)
    first, second = ({name: (tmp_path / folder / name).read_bytes() for name in files} for folder in ("a", "b"))
    assert first == second
    assert sum(first[name] != files[name] for name in files) <= 1
