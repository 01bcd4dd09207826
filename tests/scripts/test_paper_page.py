"""docs/paper.md against the numbers and recipes in the code.

`python -m tests.scripts.test_paper_page` writes its tables anew.
"""

import re
from pathlib import Path

import pytest

from multibox.experiments.recipes import find_recipe
from multibox.paper.outcome import Results
from multibox.paper.printed import TABLE7
from multibox.paper.tables import TABLES
from scripts.paper_page import page_table, training_work

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
    """FPS, batch and boxes of the page's rows against printed.py."""
    rows = re.findall(
        r"^\| (SSD\d+) \| (\d+) \| (\d) \| (\d+) \| (.+) \|$", PAGE.read_text("utf-8"), flags=re.MULTILINE
    )
    ours = [speed for speed in TABLE7 if speed.method.startswith("SSD")]
    assert rows == [(s.method, str(s.frames_per_second), str(s.batch), str(s.boxes), s.input_size) for s in ours]


def test_work_of_a_training():
    """Operations of SSD300's 60k steps against a count by hand: images x about 3 x 62.8 x 10⁹."""
    assert training_work(find_recipe("table1-ssd300-0712")) == pytest.approx(1.92e6 * 3 * 62.8e9 / 1e18, rel=0.02)


def write() -> None:
    text = PAGE.read_text("utf-8")
    for name, table in TABLES.items():
        head, rest = text.split(f"<!-- {name} -->\n", 1)
        tail = rest.split("<!-- end -->", 1)[1]
        text = f"{head}<!-- {name} -->\n{page_table(table, Results({}, {}))}\n<!-- end -->{tail}"
    PAGE.write_text(text, "utf-8")


if __name__ == "__main__":
    write()
