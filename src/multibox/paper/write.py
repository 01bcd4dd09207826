"""Writes a reproduced table as Markdown and JSON: the paper's numbers, ours, and the difference."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from multibox.paper.outcome import Outcome, Results
from multibox.paper.request import Request
from multibox.paper.tables import Row, Table
from multibox.system.atomic import write_atomically

NOT_RUN = "not run"


def write_table(
    table: Table, results: Results, *, request: Request, measured: dict[str, Any] | None = None
) -> list[Path]:
    """Write NAME.md and NAME.json beside the runs; every file of a rehearsal is marked as one.

    `measured` adds further numbers to the JSON file.
    """
    folder, stamp = request.out, request.stamp
    markdown, data = folder / f"{table.name}.md", folder / f"{table.name}.json"
    write_atomically(markdown, as_markdown(table, results, stamp=stamp).encode())
    numbers = as_json(table, results, stamp=stamp, measured=measured)
    write_atomically(data, (json.dumps(numbers, indent=1) + "\n").encode())
    return [markdown, data]


def as_json(
    table: Table, results: Results, *, stamp: tuple[str, ...], measured: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Return all rows of the table; `rehearsal` is null for the paper's experiment, else it lists the differences."""
    return {
        "table": table.name,
        "title": table.title,
        "rehearsal": list(stamp) or None,
        "note": table.note,
        "rows": [_row_json(row, results) for row in table.rows],
        **({"measured": measured} if measured else {}),
    }


def _row_json(row: Row, results: Results) -> dict[str, Any]:
    outcome = results.done.get(row.recipe or "")
    ours = outcome.numbers if outcome else None
    return {
        "label": row.label,
        "recipe": row.recipe,
        "paper": dict(row.numbers),
        "ours": ours,
        "difference": {key: round(ours[key] - row.numbers[key], 2) for key in ours} if ours else None,
        "classes": {"paper": dict(row.classes), "ours": outcome.classes if outcome else None},
        "images": {"train": outcome.train_images, "test": outcome.test_images} if outcome else None,
        "seconds": outcome.seconds if outcome else None,
        "submission": outcome.submission if outcome else None,
        "problem": results.failed.get(row.recipe or ""),
    }


def as_markdown(table: Table, results: Results, *, stamp: tuple[str, ...]) -> str:
    """Return a page with the table and AP by class."""
    heading = f"# {'Rehearsal of ' if stamp else ''}{table.title}"
    lines = [heading, ""]
    if stamp:
        lines += [f"**This is a rehearsal, not a reproduction:** {'; '.join(stamp)}.", ""]
    if table.note:
        lines += [table.note, ""]
    keys = table.numbers
    head = [f"{key} paper | {key} ours | difference" for key in keys]
    lines += ["| | " + " | ".join(head) + " | recipe |", "|---|" + "---:|---:|---:|" * len(keys) + "---|"]
    lines += [_line(row, results, keys) for row in table.rows]
    lines += [f"\n`{name}`: {problem}" for name, problem in results.failed.items()]
    if table.appendix:
        lines += ["", table.appendix]
    return "\n".join([*lines, *_by_class(table, results), ""])


def _line(row: Row, results: Results, keys: tuple[str, ...]) -> str:
    outcome = results.done.get(row.recipe or "")
    cells = []
    for key in keys:
        printed = row.numbers.get(key)
        ours = outcome.numbers.get(key) if outcome else None
        cells += [
            _decimal(printed),
            _missing(row, outcome) if ours is None else _decimal(ours),
            _difference(printed, ours),
        ]
    recipe = f"`{row.recipe}`" if row.recipe else ""
    return f"| {row.label} | " + " | ".join(cells) + f" | {recipe} |"


def _missing(row: Row, outcome: Outcome | None) -> str:
    """Return the reason why there is no number."""
    if outcome is None:
        return NOT_RUN if row.recipe else ""
    return "to be scored by the server" if outcome.submission else ""


def _by_class(table: Table, results: Results) -> list[str]:
    rows = [(row, results.done[row.recipe]) for row in table.rows if row.recipe in results.done]
    if not rows:
        return []
    names = list(dict.fromkeys(name for _, outcome in rows for name in outcome.classes))
    if not names or len(names) > 40:
        return []
    lines = ["", "## By class", "", "| | | " + " | ".join(names) + " |", "|---|---|" + "---:|" * len(names)]
    for row, outcome in rows:
        if row.classes:
            lines.append(_class_line(row.label, "paper", row.classes, names))
        lines.append(_class_line(row.label, "ours", outcome.classes, names))
    return lines


def _class_line(label: str, source: str, values: Mapping[str, float], names: list[str]) -> str:
    return f"| {label} | {source} | " + " | ".join(_decimal(values.get(name)) for name in names) + " |"


def _decimal(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}"


def _difference(printed: float | None, ours: float | None) -> str:
    return "" if printed is None or ours is None else f"{ours - printed:+.1f}"
