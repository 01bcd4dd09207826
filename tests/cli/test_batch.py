"""`multibox batch`: what it prints, and wrong use."""

import json
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from multibox.batch.runners import RUNNERS


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(RUNNERS, "here", "batch_here")


def test_a_batch_and_its_summary(multibox, weights: Path, photos: Path, tmp_path: Path):
    """The line and the JSON of a run, and of one with nothing to do, against the parts."""
    (photos / "cut.jpg").write_bytes((photos / "a.jpg").read_bytes()[:300])
    words = ["batch", photos, "-o", tmp_path / "out", "-w", weights, "--shard", 2, "--runner", "here", "--json"]
    outcome = multibox(*words)
    assert outcome.code == 0
    summary = json.loads(outcome.out)
    rows = pq.read_table(tmp_path / "out").to_pylist()
    assert [row["image"] for row in rows] == [str(photos / name) for name in ("a.jpg", "b.png", "cut.jpg")]
    assert (summary["shards"], summary["images"], summary["errors"], summary["kept"]) == (2, 3, 1, 0)
    assert summary["detections"] == sum(len(row["detections"]) for row in rows) > 0
    assert outcome.err.startswith("2 shards, 3 images (1 cannot be read) in ")
    assert outcome.err.endswith(f"images/s; 2 shards in {tmp_path / 'out'}\n")
    again = multibox(*words, "--resume")
    assert (again.code, json.loads(again.out)["kept"]) == (0, 2)
    assert again.err == f"nothing to do: {tmp_path / 'out'} has all 2 shards\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["PHOTOS", "-w", "WEIGHTS"], "--out"),
        (["PHOTOS", "-o", "OUT", "-w", "WEIGHTS", "--shard", "0"], "--shard"),
        (["PHOTOS", "-o", "OUT", "-w", "WEIGHTS", "--runner", "spark"], "'spark' is not known: choose local or ray"),
        (["PHOTOS", "-o", "OUT", "-w", "WEIGHTS", "--engine", "ray"], "use --runner ray"),
        (["PHOTOS", "-o", "http://host/x", "-w", "WEIGHTS"], "is of the kind http://"),
        (["PHOTOS", "-o", "WEIGHTS", "-w", "WEIGHTS"], "is a file; give a folder for the parts"),
        (["PHOTOS", "-o", "OUT", "-w", "unknown-name"], "published weights: see the names in `multibox weights list`"),
        (["PHOTOS", "-o", "OUT", "-w", "WEIGHTS", "--precision", "fp8"], "precision 'fp8' is not known"),
    ],
)
def test_wrong_use_is_one_line_and_exit_code_2(multibox, weights: Path, photos: Path, words: list[str], message: str):
    """Wrong arguments against exit code 2, one line that names the mistake, and no folder."""
    places = {"WEIGHTS": weights, "PHOTOS": photos, "OUT": photos.parent / "out"}
    more = [] if "--runner" in words else ["--runner", "here"]
    outcome = multibox("batch", *(places.get(word, word) for word in words), *more)
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.count("\n") == 1
    assert message in outcome.err
    assert not (photos.parent / "out").exists()


def test_without_pyarrow_the_extra_is_named(multibox, photos: Path, monkeypatch: pytest.MonkeyPatch):
    """A missing package against one line with the command that installs it."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    outcome = multibox("batch", photos, "-o", photos.parent / "out")
    assert (outcome.code, outcome.err) == (
        2,
        "multibox: Parquet and object stores need pyarrow: pip install pyarrow\n",
    )


def test_without_ray_the_extra_is_named(multibox, photos: Path, weights: Path, monkeypatch: pytest.MonkeyPatch):
    """A missing package against one line with the command that installs it, and no folder."""
    monkeypatch.setitem(sys.modules, "ray", None)
    outcome = multibox("batch", photos, "-o", photos.parent / "out", "-w", weights, "--runner", "ray")
    assert (outcome.code, outcome.err.count("\n")) == (2, 1)
    assert "pip install 'ray[data]<2.64' pyarrow" in outcome.err
    assert not (photos.parent / "out").exists()
