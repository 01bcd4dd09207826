"""CHANGELOG.md and CITATION.cff against the version of the package."""

import re
from pathlib import Path

import multibox

ROOT = Path(__file__).resolve().parents[2]
HEADING = re.compile(r"^## \[(.+?)\](?: - (\S+))?$", flags=re.MULTILINE)


def headings() -> list[tuple[str, str]]:
    """Version and date of each section of the changelog, as they appear in the file."""
    return HEADING.findall((ROOT / "CHANGELOG.md").read_text("utf-8"))


def test_the_newest_release_is_the_version():
    """The first section after Unreleased against `multibox.__version__`."""
    released = [version for version, _ in headings() if version != "Unreleased"]
    assert released[0] == multibox.__version__


def test_unreleased_comes_first_and_releases_go_back_in_time():
    """Order of the sections; each release has an ISO date."""
    (first, no_date), *releases = headings()
    assert (first, no_date) == ("Unreleased", "")
    dates = [date for _, date in releases]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\d", date) for date in dates)
    assert dates == sorted(dates, reverse=True)


def test_the_citation_is_of_the_version():
    """Version and date of CITATION.cff against the newest release in the changelog."""
    citation = (ROOT / "CITATION.cff").read_text("utf-8")
    version, date = headings()[1]
    assert f"\nversion: {version}\n" in citation
    assert f'\ndate-released: "{date}"\n' in citation
