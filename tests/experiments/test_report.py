"""The report of a training and its evaluation, against its input."""

import base64
import math
import re
from html.parser import HTMLParser

import cv2
import numpy as np
import pytest

from multibox.evaluation.evaluation import Evaluation
from multibox.evaluation.voc import Curve
from multibox.experiments.report import write_report

VOID = {"meta", "img", "br", "link", "line", "circle"}


class Balance(HTMLParser):
    """Checks that elements close in order, and collects attributes and text."""

    def __init__(self):
        super().__init__()
        self.open, self.attributes, self.text = [], [], ""

    def handle_starttag(self, tag, attrs):
        self.attributes += [(tag, *pair) for pair in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.attributes += [(tag, *pair) for pair in attrs]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def parsed(path):
    page = Balance()
    page.feed(path.read_text(encoding="utf-8"))
    assert page.open == []
    return page


def evaluation(metric="voc10"):
    curve = Curve(np.array([0.9, 0.8]), np.array([0.5, 1.0]), np.array([1.0, 1.0]), 2)
    nothing = Curve(np.zeros(0), np.zeros(0), np.zeros(0), 1)
    absent = Curve(np.zeros(0), np.zeros(0), np.zeros(0), 0)
    curves = {"disc": curve, "a <b> & c": nothing, "absent": absent}
    ap = {"disc": 0.8315, "a <b> & c": 0.0, "absent": math.nan}
    objects = {"disc": 1234, "a <b> & c": 1, "absent": 0}
    found = {} if metric == "coco" else curves
    return Evaluation(metric, tuple(ap), 0.41575, {metric: 0.41575}, ap, objects, 7, 99, found, ("x.jpg: cut off",))


HISTORY = [
    {"step": 10 * n, "loss": 5 / n, "location_loss": 2 / n, "confidence_loss": 3 / n, "images_per_second": 50.0 + n}
    for n in range(1, 30)
] + [{"step": 100, "score": 0.25}, {"step": 200, "score": 0.5}]


def test_the_report_is_one_file_with_all_its_parts(tmp_path):
    """Elements, numbers, names and embedded images of a full report against its input."""
    image = cv2.resize(np.random.default_rng(0).integers(0, 256, (5, 6, 3), dtype=np.uint8), (300, 200))
    path = tmp_path / "new folder" / "report.html"
    write_report(
        path,
        title="Shapes & <more>",
        history=HISTORY,
        evaluation=evaluation(),
        images=[("one", image), ("two", np.zeros((100, 2000, 3), np.uint8))],
        facts={"seed": 0, "model": "slim <300>"},
    )
    page = parsed(path)
    for text in [
        "Shapes & <more>",
        "83.2",
        "41.6",
        "1,234",
        "a <b> & c",
        "absent",
        "slim <300>",
        "x.jpg: cut off",
        "290",
    ]:
        assert text in page.text, text
    for heading in ["Loss", "Validation during", "Average precision by", "Precision and recall", "Images", "Facts"]:
        assert heading in page.text
    sources = [value for tag, name, value in page.attributes if tag == "img" and name == "src"]
    one, two = (cv2.imdecode(np.frombuffer(base64.b64decode(s.split(",")[1]), np.uint8), 1) for s in sources)
    assert np.abs(one[:, :, ::-1].astype(int) - image).mean() < 3
    assert two.shape == (45, 900, 3)


def test_nothing_comes_from_the_network(tmp_path):
    """A page has only embedded addresses, no script, and no import in the style sheet."""
    path = tmp_path / "report.html"
    write_report(path, title="t", history=HISTORY, evaluation=evaluation(), images=[], facts={})
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"https?:|//\w|@import|url\(|<script|<link", text)
    assert "$" not in text


@pytest.mark.parametrize("metric", ["voc07", "coco"])
def test_other_metrics(metric, tmp_path):
    """Reports of COCO, which has no curves, and VOC 2007 name their metric."""
    path = tmp_path / "report.html"
    write_report(path, title="t", history=[], evaluation=evaluation(metric), images=[], facts={})
    page = parsed(path)
    assert ("COCO" if metric == "coco" else "VOC 2007") in page.text
    assert ("Precision and recall" in page.text) == (metric != "coco")


def test_a_report_about_nothing_is_a_page_with_a_title(tmp_path):
    """Without data the page has only title and version; a single step and a loss of nan are no error."""
    path = tmp_path / "report.html"
    write_report(path, title="empty", history=[], evaluation=None, images=[], facts={})
    assert "<section>" not in path.read_text(encoding="utf-8")
    rows = [{"step": n, "loss": math.nan, "location_loss": 0.0, "confidence_loss": math.inf} for n in (1, 2)]
    for history in (rows[:1], rows):
        write_report(path, title="t", history=history, evaluation=None, images=[], facts={})
        assert "nan" not in parsed(path).text
