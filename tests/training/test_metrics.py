"""The metrics in the folder of a run."""

from pathlib import Path

import pytest

from multibox.training.metrics import append_metrics, keep_metrics_until, read_metrics


def test_metrics_survive_a_cut_last_line(tmp_path: Path):
    """Lines read back against those written before the last one, which a crash cut off."""
    for step in (1, 2, 3):
        append_metrics(tmp_path, {"step": step})
    path = tmp_path / "metrics.jsonl"
    path.write_text(path.read_text() + '{"step": 4, "lo')
    assert [row["step"] for row in read_metrics(tmp_path)] == [1, 2, 3]
    keep_metrics_until(tmp_path, 2, rows=read_metrics(tmp_path))
    assert [row["step"] for row in read_metrics(tmp_path)] == [1, 2]


@pytest.mark.parametrize("line", ["[1]", "3", "{}", '{"step": "3"}', '{"step": true}', "[" * 100_000, "9" * 5000])
def test_metrics_end_before_a_line_that_is_no_row(tmp_path: Path, line: str):
    """Lines of other JSON against the rows before them."""
    append_metrics(tmp_path, {"step": 1})
    path = tmp_path / "metrics.jsonl"
    path.write_text(f"{path.read_text()}{line}\n")
    append_metrics(tmp_path, {"step": 3})
    assert read_metrics(tmp_path) == [{"step": 1}]
