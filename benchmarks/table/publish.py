"""Copies a measured table into the repository: the dated page, the section of its machine, the navigation."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.limited import ROOT
from benchmarks.rows import read_rows
from benchmarks.table.page import BUSY, machine_line, read_results, table

END = "<!-- end of machine -->"
LAST = "<!-- machines end here -->"


def publish(machine: Mapping[str, Any], out: Path, names: Sequence[str], *, root: Path = ROOT) -> Path:
    """Write the page and the sections; return the page."""
    path = root / "benchmarks/results" / f"{machine['date']}-table.md"
    path.write_text((out / "table.md").read_text())
    problems = {row["name"]: row["error"] for row in read_rows(out / "steps.jsonl") if "error" in row}
    readme = root / "benchmarks/README.md"
    rows = table(read_results(out, names), problems)
    readme.write_text(with_machine(readme.read_text(), machine, rows, page=f"results/{path.name}"))
    settings = root / "zensical.toml"
    settings.write_text(with_page(settings.read_text(), path.name, machine["date"]))
    return path


def with_machine(readme: str, machine: Mapping[str, Any], rows: str, *, page: str) -> str:
    """The text with the newest table of this machine."""
    name = machine_line(machine)
    start = f"<!-- machine: {name} -->"
    about = f"{machine['threads']} threads, load {machine['load']:.1f} before, torch {machine['torch']}"
    busy = f" {BUSY}" if machine["load"] > machine["cores"] / 2 else ""
    measured = f"Measured on {machine['date']}, {about} ([the run]({page})).{busy}"
    section = f"{start}\n### {name}\n\n{measured}\n\n{rows}\n\n{END}\n"
    if start in readme:
        head, rest = readme.split(start, 1)
        return head + section.rstrip("\n") + rest.split(END, 1)[1]
    return readme.replace(LAST, f"{section}\n{LAST}")


def with_page(settings: str, name: str, date: str) -> str:
    """The navigation of the documentation with the page."""
    if name in settings:
        return settings
    first = '    { "Experiments" = "experiments.md" },\n'
    return settings.replace(first, f'{first}    {{ "Table of speeds, {date}" = "benchmarks/{name}" }},\n')
