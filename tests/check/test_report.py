"""The HTML report and the text of a check, against the result they show."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import cv2
import numpy as np
import pytest

from multibox.check.check import CheckResult, check_dataset
from multibox.check.report import write_check_report
from multibox.check.text import check_text
from multibox.check.titles import TITLES
from multibox.cli.data import app
from multibox.data.formats import record
from multibox.priors import SPECS


class Page(HTMLParser):
    """Tags with their attributes, and the text; fails on tags that are closed in the wrong order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(text)
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "img"):
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture
def result(tmp_path: Path) -> CheckResult:
    """Twelve images with a box that is a point, a missing image, and a class with markup in its name."""
    (tmp_path / "d/JPEGImages").mkdir(parents=True)
    (tmp_path / "d/Annotations").mkdir()
    box = "<bndbox><xmin>9</xmin><ymin>9</ymin><xmax>{0}</xmax><ymax>{0}</ymax></bndbox>"
    point = f"<object><name>a&lt;b</name>{box}</object>"
    for number in range(13):
        pixels = np.full((40, 60, 3), 10 * number, dtype=np.uint8)
        if number < 12:
            cv2.imwrite(str(tmp_path / f"d/JPEGImages/{number:02}.jpg"), pixels)
        size = "<size><width>60</width><height>40</height></size>"
        objects = point.format(9) + point.format(30)
        (tmp_path / f"d/Annotations/{number:02}.xml").write_text(f"<annotation>{size}{objects}</annotation>")
    return check_dataset(tmp_path / "d", priors=SPECS["ssd300-voc"])


def test_report(tmp_path: Path, result: CheckResult) -> None:
    """A report against its result: well formed, self-contained, every problem as image or line, the same numbers."""
    write_check_report(result, tmp_path / "new/report.html", model="ssd300")
    text = (tmp_path / "new/report.html").read_text()
    page = Page(text)
    images = [attributes["src"] or "" for tag, attributes in page.tags if tag == "img"]
    assert len(images) == 8
    assert all(source.startswith("data:image/jpeg;base64,") for source in images)
    assert not re.search(r"https?://|<script|<link", text)
    for problem in result.problems:
        assert problem.message in page.text
        assert Path(problem.file).name in page.text
    assert "a<b" in page.text
    assert "1 of the problems below is an error" in page.text
    assert "8,732 priors of ssd300" in page.text


def test_text(result: CheckResult) -> None:
    """The text against counts, the first five problems of each kind, how many more there are, and the verdict."""
    text = check_text(result, model="ssd300")
    assert text.startswith("d (voc): 13 images, 26 objects\n")
    assert "warning: Boxes without width or height (13)" in text
    assert "… and 8 more" in text
    assert text.endswith("not ok: correct the errors before training (1 error, 13 warnings, 0 notes)")


def test_every_kind_has_a_title() -> None:
    """The kinds in the sources of the checks and readers against the table of titles."""
    package = Path(record.__file__).parents[2]
    modules = [*(package / "check").glob("*.py"), *(package / "data/formats").rglob("*.py")]
    text = "\n".join(path.read_text() for path in modules)
    kinds = set(re.findall(r'Problem\(\s*"(\w+)"', text))
    assert kinds <= set(TITLES)
    assert len(kinds) > 20


def test_command(tmp_path: Path, result: CheckResult, capsys: pytest.CaptureFixture[str]) -> None:
    """`data check` and `data convert`: JSON on standard output, messages on standard error, exit codes."""
    root = tmp_path / "d"
    arguments = ["check", str(root), "--json", "--report", str(tmp_path / "r.html")]
    assert app(arguments, standalone_mode=False) == 1
    printed = capsys.readouterr()
    assert json.loads(printed.out) == json.loads(json.dumps(result.to_json()))
    assert "r.html" in printed.err
    assert (tmp_path / "r.html").is_file()
    arguments = ["convert", str(root), "--to", "coco", "--out", str(tmp_path / "out"), "--json"]
    assert not app(arguments, standalone_mode=False)
    printed = capsys.readouterr()
    assert json.loads(printed.out)["splits"] == {"train": 13}
    assert "1 image not found" in printed.err
    assert len(list((tmp_path / "out/train").iterdir())) == 12
