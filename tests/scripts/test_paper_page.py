"""docs/paper.md against the numbers and recipes in the code.

`python -m tests.scripts.test_paper_page` rewrites its tables; with the path of a table7.json that `multibox reproduce
table7 --peers` wrote, also the comparison of SSD300 with other detectors.
"""

import json
import re
import sys
from pathlib import Path

import pytest

from multibox.experiments.recipes import find_recipe
from multibox.paper.headline import headline_text
from multibox.paper.outcome import Results
from multibox.paper.printed import YOLO_IN_TEXT
from multibox.paper.tables import TABLES
from scripts.paper_page import page_speeds, page_table, training_work

PAGE = Path(__file__).resolve().parents[2] / "docs/paper.md"
_BLOCK = r"<!-- {} -->\n(.*?)<!-- end -->"


def block(name: str, text: str) -> str:
    found = re.search(_BLOCK.format(name), text, flags=re.DOTALL)
    assert found, name
    return found[1]


@pytest.mark.parametrize("name", TABLES)
def test_the_page_agrees_with_the_code(name: str):
    """Each table of the page against the table that the code makes from printed.py and the recipes."""
    assert block(name, PAGE.read_text("utf-8")) == page_table(TABLES[name], Results({}, {})) + "\n"


def test_the_page_has_table_7():
    """The page's rows against the paper: every method with mAP and FPS, and YOLO's numbers of the text."""
    text = PAGE.read_text("utf-8")
    assert block("table7", text) == page_speeds() + "\n"
    rows = re.findall(
        r"^\| ([\w ()-]+) \| ([\d.]+) \| (\d+) \| (\d) \| \d+ \| .+ \|$", block("table7", text), flags=re.M
    )
    assert rows == [
        ("Faster R-CNN (VGG16)", "73.2", "7", "1"),
        ("Fast YOLO", "52.7", "155", "1"),
        ("YOLO (VGG16)", "66.4", "21", "1"),
        ("SSD300", "74.3", "46", "1"),
        ("SSD512", "76.8", "19", "1"),
        ("SSD300", "74.3", "59", "8"),
        ("SSD512", "76.8", "22", "8"),
    ]
    assert f"{YOLO_IN_TEXT.score} mAP at {YOLO_IN_TEXT.frames_per_second} FPS" in text


def test_the_page_has_the_headline():
    """The measured comparison against the paper's ratios 46 : 7 : 45 in every row, and ours fastest of the SSDs."""
    rows = re.findall(
        r"^\| ([^|]+), ([^|]+) \| \d+ x \d+ \| [\d.]+ \| ([\d.]+) \| (\d+) \| ([\d.]+) \|$",
        block("headline", PAGE.read_text("utf-8")),
        flags=re.M,
    )
    assert {(method, printed, ratio) for method, _, _, printed, ratio in rows} == {
        ("SSD300", "46", "6.6"),
        ("Faster R-CNN (VGG16)", "7", "1"),
        ("YOLO", "45", "6.4"),
    }
    ours = [float(ratio) for method, program, ratio, *_ in rows if "multibox" in program]
    theirs = [float(ratio) for method, program, ratio, *_ in rows if method == "SSD300" and "torchvision" in program]
    assert min(ours) > max(theirs)


def test_rows_are_headed_by_their_own_number():
    """Table 6 on the page against its numbers: COCO's rows below AP, VOC's below mAP."""
    below = {}
    for part in block("table6", PAGE.read_text("utf-8")).strip().split("\n\n"):
        head, _, *rows = part.splitlines()
        below |= {row.split(" | ")[0].removeprefix("| "): head.split(" | ")[1] for row in rows}
    assert below == {row.label: f"paper, {next(iter(row.numbers))}" for row in TABLES["table6"].rows}
    assert (below["SSD512*, trainval35k"], below["SSD512*, 07+12"]) == ("paper, AP", "paper, mAP")


def test_work_of_a_training():
    """Operations of SSD300's 60k steps against a count by hand: images x about 3 x 62.8 x 10⁹."""
    assert training_work(find_recipe("table1-ssd300-0712")) == pytest.approx(1.92e6 * 3 * 62.8e9 / 1e18, rel=0.02)


def write(measured: Path | None = None) -> None:
    text = PAGE.read_text("utf-8")
    for name, table in TABLES.items():
        text = _replaced(text, name, page_table(table, Results({}, {})))
    text = _replaced(text, "table7", page_speeds())
    if measured is not None:
        headline = json.loads(measured.read_text())["measured"]["peers"]
        text = _replaced(text, "headline", headline_text(headline))
    PAGE.write_text(text, "utf-8")


def _replaced(text: str, name: str, content: str) -> str:
    """The text with other content between the marks."""
    head, rest = text.split(f"<!-- {name} -->\n", 1)
    tail = rest.split("<!-- end -->", 1)[1]
    return f"{head}<!-- {name} -->\n{content}\n<!-- end -->{tail}"


if __name__ == "__main__":
    write(*map(Path, sys.argv[1:2]))
