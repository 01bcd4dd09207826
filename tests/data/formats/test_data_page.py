"""The page about data for users, docs/data.md, against the code."""

import ast
import re
from pathlib import Path

import multibox
from multibox.check.titles import TITLES

PAGE = Path(__file__).resolve().parents[3] / "docs/data.md"


def documented() -> dict[str, tuple[str, str]]:
    """Severity and meaning of each kind of problem in the page's table."""
    rows = re.findall(r"^\| `(\w+)` \| ([\w, ]+) \| (.+) \|$", PAGE.read_text("utf-8"), flags=re.MULTILINE)
    return {kind: (severity, meaning) for kind, severity, meaning in rows}


def written_in_code() -> set[tuple[str, str]]:
    """(kind, severity) of every Problem whose kind and severity are literals in the code."""
    files = [
        file for room in ("data", "check", "tiling") for file in (Path(multibox.__file__).parent / room).rglob("*.py")
    ]
    calls = [node for file in files for node in ast.walk(ast.parse(file.read_text("utf-8")))]
    words = [
        [str(argument.value) for argument in call.args[:2] if isinstance(argument, ast.Constant)]
        for call in calls
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "Problem"
    ]
    return {(pair[0], pair[1]) for pair in words if len(pair) == 2}


def test_the_page_lists_every_kind_of_problem() -> None:
    """Kinds and meanings in the table against the titles that the check prints."""
    assert {kind: meaning for kind, (_, meaning) in documented().items()} == {
        kind: f"{title}. {meaning}" for kind, (title, meaning) in TITLES.items()
    }


def test_the_page_says_how_bad_each_is() -> None:
    """Severities in the table against the calls in the code, except that training judges degenerate boxes harder."""
    table = documented()
    found = written_in_code() - {("degenerate", "error")}
    assert len(found) > 25
    assert [pair for pair in found if pair[1] not in table[pair[0]][0]] == []
