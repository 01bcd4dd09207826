"""Shards in processes of this machine: results, a process that dies, and processes whose parent dies."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from multibox.batch import local
from multibox.errors import ProcessError, WeightsError

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="this test finds processes in /proc")


def started_by(parent: int) -> list[int]:
    """The workers that `parent` started, whether it is alive or not."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            words = (folder / "cmdline").read_bytes().split(b"\0")
            if b"multibox.batch.worker" in words and str(parent).encode() in words:
                found.append(int(folder.name))
    return found


@on_linux
def test_a_worker_that_dies_is_replaced(run_here, photos: Path, tmp_path: Path):
    """Parts of two workers that are killed on the way against those of this process; each shard is reported once."""
    run_here(photos, tmp_path / "here", shard=2)
    done: list[int] = []

    def kill_the_first_time(images: int, total: int) -> None:
        if not done:
            for worker in started_by(os.getpid()):
                os.kill(worker, signal.SIGKILL)
        done.append(images)

    summary = run_here(photos, tmp_path / "there", shard=2, runner="local", workers=2, progress=kill_the_first_time)
    assert (summary.shards, summary.images, done[-1], len(done)) == (6, 11, 11, 6)
    for path in sorted((tmp_path / "here").glob("part-*")):
        assert pq.read_table(tmp_path / "there" / path.name).to_pylist() == pq.read_table(path).to_pylist()
    assert started_by(os.getpid()) == []


def test_a_worker_that_cannot_load_reports_it(run_here, photos: Path, tmp_path: Path):
    """Damaged weights against the loader's error and no folder."""
    (tmp_path / "bad.safetensors").write_bytes(b"no weights")
    with pytest.raises(WeightsError, match=r"bad\.safetensors"):
        run_here(photos, tmp_path / "out", runner="local", weights=tmp_path / "bad.safetensors")
    assert not (tmp_path / "out").exists()


def test_workers_that_always_die_end_the_run(run_here, photos: Path, tmp_path: Path, monkeypatch):
    """A worker that ends at once, each time, against ProcessError after three attempts."""
    package = tmp_path / "package" / "multibox" / "batch"
    package.mkdir(parents=True)
    for folder in (package.parent, package):
        (folder / "__init__.py").write_text("")
    (package / "worker.py").write_text("raise SystemExit(7)")
    monkeypatch.setattr(local, "_PACKAGE", tmp_path / "package")
    with pytest.raises(ProcessError, match="with exit code 7 while it loaded the detector, 3 times"):
        run_here(photos, tmp_path / "out", runner="local")
    assert not (tmp_path / "out").exists()


@on_linux
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_workers_end_with_the_command(photos: Path, weights: Path, tmp_path: Path, number: signal.Signals):
    """Workers of a command that is killed or interrupted, against none a moment later; its parts can be continued."""
    (tmp_path / "list.txt").write_text(f"{photos}/00.jpg\n" * 5000)
    words = ["multibox", "batch", tmp_path / "list.txt", "--out", tmp_path / "out", "-w", weights, "--shard", "1"]
    command = [sys.executable, "-m", *map(str, words)]
    running = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert wait_for(lambda: list((tmp_path / "out").glob("part-*")) or running.poll() is not None)
    running.send_signal(number)
    _, said = running.communicate(timeout=60)
    if number == signal.SIGINT:
        assert (running.returncode, said) == (130, "multibox: interrupted\n")
    assert wait_for(lambda: not started_by(running.pid))


def wait_for(condition, *, seconds: float = 60) -> bool:
    """Whether the condition becomes true in time."""
    end = time.monotonic() + seconds
    while not (found := bool(condition())) and time.monotonic() < end:
        time.sleep(0.05)
    return found
