"""docs/paper.md against the numbers and recipes in the code.

`python -m tests.scripts.test_paper_page` rewrites its tables.
"""

import re
from pathlib import Path

import pytest

from multibox.experiments.recipes import find_recipe
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


def write() -> None:
    text = PAGE.read_text("utf-8")
    for name, table in TABLES.items():
        head, rest = text.split(f"<!-- {name} -->\n", 1)
        tail = rest.split("<!-- end -->", 1)[1]
        text = f"{head}<!-- {name} -->\n{page_table(table, Results({}, {}))}\n<!-- end -->{tail}"
    head, rest = text.split("<!-- table7 -->\n", 1)
    tail = rest.split("<!-- end -->", 1)[1]
    text = f"{head}<!-- table7 -->\n{page_speeds()}\n<!-- end -->{tail}"
    PAGE.write_text(text, "utf-8")


if __name__ == "__main__":
    write()
