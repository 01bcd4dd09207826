"""The progress line of a training run."""

import io

import pytest

from multibox.cli.report_line import ReportLine, ReportLines, duration
from multibox.experiments.recipes import find_recipe

ROW = {
    "step": 10,
    "loss": 2.0,
    "location_loss": 0.5,
    "confidence_loss": 1.5,
    "positives": 7.0,
    "images_per_second": 10.0,
}


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_the_line_shows_all_numbers():
    """The progress line against the numbers it must show; 90 steps of 8 images at 10 a second are 1:12."""
    out = io.StringIO()
    with ReportLine(steps=100, batch_size=8, stream=out) as line:
        line.report(ROW)
    for part in ("step 10/100", "10.0 images/s", "loss 2.000", "location 0.500", "7.0 positives", "1:12 left"):
        assert part in out.getvalue()


def test_a_log_gets_few_lines():
    """Three reports in quick succession, one of them the last, and a score, against two lines outside a terminal."""
    out = io.StringIO()
    with ReportLine(steps=12, batch_size=8, stream=out) as line:
        for row in (ROW, {**ROW, "step": 11}, {"step": 11, "score": 0.5}, {**ROW, "step": 12}):
            line.report(row)
    assert [text.split()[1] for text in out.getvalue().splitlines()] == ["10/12", "12/12"]


def test_a_terminal_line_overwrites_itself():
    """What a terminal receives for two reports and a message against one line that is cleared each time."""
    out = Terminal()
    with ReportLine(steps=100, batch_size=8, stream=out) as line:
        line.report(ROW)
        line.message("hello")
        line.report({**ROW, "step": 20})
    parts = out.getvalue().split("\r\x1b[2K")
    assert [part[:12] for part in parts] == ["", "step 10/100 ", "hello\n", "step 20/100 "]
    assert parts[-1].endswith("left\n")


def test_several_runs_have_a_line_each(capsys: pytest.CaptureFixture[str]):
    """Rows of two recipes against a line with the steps of each."""
    lines = ReportLines()
    lines.message("[1/2] first")
    for name in ("quick", "light96"):
        lines.report(find_recipe(name), ROW)
    found = [text.split("  ")[0] for text in capsys.readouterr().err.splitlines()]
    assert found == ["[1/2] first", "step 10/1500", "step 10/9600"]


def test_duration():
    """Seconds against hours, minutes and seconds."""
    assert [duration(s) for s in (5, 65, 3605)] == ["0:05", "1:05", "1:00:05"]
