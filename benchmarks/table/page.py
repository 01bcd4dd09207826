"""The table as a page in Markdown: the machine, the lines, and what each step took."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.rows import Row
from benchmarks.table.lines import Line, lines, matrix_rates

BUSY = "**The machine was busy with other work: times and shares say little, ratios a little more.**"
HEAD = ("", "measured", "over the peer", "share of the matrix rate", "aim")


def read_results(out: Path, names: Sequence[str]) -> dict[str, Any]:
    """The JSON of every step that has finished, by name."""
    return {name: json.loads(path.read_text()) for name in names if (path := out / f"{name}.json").exists()}


def machine_line(machine: Mapping[str, Any]) -> str:
    """The machine in a line, without what changes from run to run."""
    return f"{machine['processor']}, {machine['cores']} cores"


def table(results: Mapping[str, Any], problems: Mapping[str, str], before: Mapping[str, Any] | None = None) -> str:
    """All lines; a step without a result has one that says why. Results `before` a change have a column."""
    rows: list[Line] = []
    for name in dict.fromkeys([*results, *problems]):
        rows += lines(name, results[name]) if name in results else [Line(name, f"not measured: {problems[name]}")]
    head = [list(HEAD), ["---", "---", "---:", "---", "---"]]
    cells = [*head, *map(list, rows)]
    if before:
        earlier = {subject(line): line for name in before for line in lines(name, before[name])}
        column = [earlier.get(subject(line), Line("", "")) for line in rows]
        for row, cell in zip(cells, ["before", "---", *(" ".join(line[1:3]).strip() for line in column)], strict=True):
            row.insert(1, cell)
    return "\n".join(f"| {' | '.join(row)} |" for row in cells)


def subject(line: Line) -> str:
    """What a line is about, without the engine or precision that was chosen."""
    return line.what.split(" (")[0]


def page(
    machine: Mapping[str, Any],
    results: Mapping[str, Any],
    steps: Sequence[Row],
    before: Mapping[str, Any] | None = None,
) -> str:
    """The whole page."""
    problems = {row["name"]: row["error"] for row in steps if "error" in row}
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    text = [
        f"# The table of speeds, {machine['date']}",
        f"{machine_line(machine)}, {machine['threads']} threads, load {machine['load']:.1f} before. {versions}.",
        f"Command: `{machine['command']}`",
        "Ratios are medians over rounds in which all take turns. benchmarks/README.md says what limits each row.",
        *([BUSY] if machine["load"] > machine["cores"] / 2 else []),
        table(results, problems, before),
        "## Steps",
        _steps(results, steps),
    ]
    return "\n\n".join(text) + "\n"


def _steps(results: Mapping[str, Any], steps: Sequence[Row]) -> str:
    head = ["| step | seconds | load before, after | matrix products fp32, bf16, GFLOP/s | |", "|---|---:|---|---|---|"]
    last = {row["name"]: row for row in steps}
    for name, row in last.items():
        rates = matrix_rates(results.get(name, {}))
        products = ", ".join(f"{rate:.0f}" for rate in rates.values())
        load = f"{row['before']:.1f}, {row['after']:.1f}" if "before" in row else ""
        head.append(f"| {name} | {row.get('seconds', '')} | {load} | {products} | {row.get('error', '')} |")
    return "\n".join(head)
