"""What a run says of itself."""

import io
from pathlib import Path

from multibox.training.progress import ProgressLine, append_metrics, clock, keep_metrics_until, read_metrics

ROW = {"loss": 2.0, "location_loss": 0.5, "confidence_loss": 1.5, "positives": 7.0, "images_per_second": 10.0}


def test_metrics_survive_a_cut_last_line(tmp_path: Path):
    """Lines read back against those written, where the last one was cut off by a crash."""
    for step in (1, 2, 3):
        append_metrics(tmp_path, {"step": step})
    path = tmp_path / "metrics.jsonl"
    path.write_text(path.read_text() + '{"step": 4, "lo')
    assert [row["step"] for row in read_metrics(tmp_path)] == [1, 2, 3]
    keep_metrics_until(tmp_path, 2, rows=read_metrics(tmp_path))
    assert [row["step"] for row in read_metrics(tmp_path)] == [1, 2]


def test_the_line_names_all_that_matters():
    """The progress line against the numbers it must show; 90 steps of 8 images at 10 a second are 1:12."""
    out = io.StringIO()
    ProgressLine(steps=100, stream=out).show(10, ROW, batch_size=8)
    line = out.getvalue()
    for part in ("step 10/100", "10.0 images/s", "loss 2.000", "location 0.500", "7.0 positives", "1:12 left"):
        assert part in line


def test_clock():
    """Seconds against hours, minutes and seconds."""
    assert [clock(s) for s in (5, 65, 3605)] == ["0:05", "1:05", "1:00:05"]
