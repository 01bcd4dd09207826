"""A batch that is killed many times ends with the parts of one that was not."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq

SCRIPT = Path(__file__).with_name("killed.py")
KILLS = 10


def test_killed_at_random_lines(run_here, photos: Path, weights: Path, tmp_path: Path):
    """Parts of a batch that was killed a dozen times against those of one run: nothing lost, twice, or half written."""
    run_here(photos, tmp_path / "whole", shard=2, batch_size=2)
    out = tmp_path / "killed"
    command = [sys.executable, str(SCRIPT), str(photos), str(weights), str(out), str(KILLS), "7"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(SCRIPT.parents[1]), *sys.path])}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert all(untouched for *_, untouched in rows)
    assert [status for status, *_ in rows[:-1]] == [signal.SIGKILL] * (len(rows) - 1)
    assert rows[-1][0] == 0
    assert len(rows) > KILLS // 2
    assert any(before != after for _, before, after, _ in rows[:-1])  # some of the killed ones got something done
    for path in sorted((tmp_path / "whole").glob("part-*")):
        assert pq.read_table(out / path.name).to_pylist() == pq.read_table(path).to_pylist()
    assert {path.name for path in out.iterdir()} == {path.name for path in (tmp_path / "whole").iterdir()}
