"""HTML pages: hostile values stay text, missing values are errors, images decode from their data addresses."""

import base64
from html.parser import HTMLParser
from pathlib import Path

import cv2
import jinja2
import numpy as np
import pytest

from multibox._version import __version__
from multibox.drawing.html import jpeg_uri, percent, png_uri, render, write_page
from multibox.experiments.report import write_report

HOSTILE = """'"><script>alert("1")</script><img src=x onerror=alert(2)> & {{ 7 * 7 }} {% raw %}"""


class Tags(HTMLParser):
    """Collects the names of all elements and attributes, and the text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names |= {tag, *(name for name, _ in attrs)}

    def handle_data(self, data: str) -> None:
        self.text += data


def test_hostile_values_are_text(tmp_path: Path) -> None:
    """Titles, facts and captions of markup against the same report with harmless ones: no new element or attribute."""
    pages = []
    for value in ("harmless", HOSTILE):
        path = tmp_path / "report.html"
        image = np.zeros((8, 8, 3), np.uint8)
        write_report(path, title=value, history=[], evaluation=None, images=[(value, image)], facts={value: value})
        pages.append(Tags(path.read_text(encoding="utf-8")))
    assert pages[0].names == pages[1].names
    assert pages[1].text.count(HOSTILE) == 5  # twice the title, the caption, both sides of the fact


def test_missing_values_are_errors() -> None:
    """A template whose title is not given against an error that names it."""
    with pytest.raises(jinja2.UndefinedError, match="title"):
        render("drawing/page.html", {})


def test_a_page_in_a_new_folder(tmp_path: Path) -> None:
    """A page without a body against its title, its style sheet and the version."""
    write_page(tmp_path / "new" / "page.html", "drawing/page.html", {"title": "Größe"})
    text = (tmp_path / "new" / "page.html").read_text(encoding="utf-8")
    assert "<h1>Größe</h1>" in text
    assert "--page:" in text
    assert f"multibox {__version__}</footer>" in text


def test_images_in_addresses(tmp_path: Path) -> None:
    """A wide image decoded from its address against its colors and the requested width; a PNG against its bytes."""
    image = np.full((20, 400, 3), (250, 10, 60), np.uint8)
    head, data = jpeg_uri(image, max_width=100).split(",")
    decoded = np.asarray(cv2.imdecode(np.frombuffer(base64.b64decode(data), np.uint8), cv2.IMREAD_COLOR))
    assert head == "data:image/jpeg;base64"
    assert decoded.shape == (5, 100, 3)
    assert np.abs(decoded[:, :, ::-1].astype(int) - (250, 10, 60)).max() < 6
    (tmp_path / "a.png").write_bytes(b"bytes of a PNG")
    assert base64.b64decode(png_uri(tmp_path / "a.png").removeprefix("data:image/png;base64,")) == b"bytes of a PNG"


def test_percent() -> None:
    """A share and nan against what people read."""
    assert (percent(0.12345), percent(float("nan"))) == ("12.3", "–")
