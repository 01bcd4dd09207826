"""Shared wording, against the words written out."""

import re
import tomllib
from pathlib import Path

from multibox.words import counted, listed, pip_install

ROOT = Path(__file__).parents[1]


def test_lists_are_cut() -> None:
    """Few names against all of them, many against the first and their number."""
    assert listed(["a", "b"]) == "a, b"
    assert listed(map(str, range(12)), limit=3) == "0, 1, 2, … (12 in all)"


def test_nouns_agree_with_their_number() -> None:
    """One and several of nouns with both kinds of plural."""
    assert [counted(1, "box"), counted(2, "box"), counted(1200, "image")] == ["1 box", "2 boxes", "1,200 images"]
    assert counted(2, "class") == "2 classes"


def test_packages_are_quoted_if_the_shell_needs_it() -> None:
    """The command for one and for several packages, against the lines written out."""
    assert pip_install("av", "lap") == "pip install av lap"
    assert pip_install("ray[data]<2.64") == "pip install 'ray[data]<2.64'"


def test_nobody_is_told_to_install_the_package_from_an_index() -> None:
    """Extras of a package that no index has, in code, documentation and examples: none."""
    folders = [path for name in ("src", "docs", "examples") for path in (ROOT / name).rglob("*") if path.is_file()]
    pages = [*folders, ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
    texts = {path: path.read_text("utf-8") for path in pages if path.suffix in (".py", ".md", ".service")}
    assert [path for path, text in texts.items() if "multibox[" in text] == []


def test_messages_name_packages_of_the_extras() -> None:
    """Packages in calls of `pip_install` against those of pyproject.toml."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    known = {re.split("[<>=]", line)[0] for lines in extras.values() for line in lines}
    code = "".join(path.read_text("utf-8") for path in (ROOT / "src").rglob("*.py"))
    calls = re.findall(r"pip_install\(([^()]*)\)", code)
    named = {name for call in calls for name in re.findall("['\"](.+?)['\"]", call)}
    assert named
    assert {re.split("[<>=]", name)[0] for name in named} <= known
