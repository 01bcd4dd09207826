"""The results of a run as JSON lines: one row for each measurement, on disk as soon as it is known."""

import json
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

Row = dict[str, Any]


def read_rows(path: Path) -> list[Row]:
    """All complete rows of a file, which may be missing or end in the middle of a row."""
    rows = []
    for line in path.read_text().splitlines() if path.exists() else []:
        try:
            rows.append(json.loads(line))
        except ValueError:
            continue
    return rows


class Rows:
    """Runs the measurements that are not in the file yet, and appends a row for each.

    A row has the `step`, the `name` of the measurement, its `seconds`, and its numbers or an `error`.
    """

    def __init__(self, path: Path, *, step: str) -> None:
        self._path, self._step = path, step
        self._done = {row["name"] for row in read_rows(path) if row.get("step") == step and "error" not in row}

    def find(self, name: str) -> Row | None:
        """The row of that name from an earlier run or this one."""
        rows = [row for row in read_rows(self._path) if row.get("step") == self._step and row["name"] == name]
        return rows[-1] if rows else None

    def measure(self, name: str, task: Callable[[], Row]) -> Row | None:
        """Run `task` unless its row is there already; an exception becomes the row's error, and the step continues."""
        if name in self._done:
            return None
        start = time.monotonic()
        try:
            row = task()
        except Exception as problem:  # a failed measurement must not stop the others
            traceback.print_exc()
            row = {"error": f"{type(problem).__name__}: {problem}".split("\n")[0][:300]}
        self.add(name, {**row, "seconds": round(time.monotonic() - start, 1)})
        return None if "error" in row else row

    def add(self, name: str, row: Row) -> None:
        """Append a row."""
        line = json.dumps({"step": self._step, "name": name, **row})
        with open(self._path, "a", encoding="utf-8") as file:
            file.write(line + "\n")
        print(line[:400], flush=True)


def table(rows: list[Row]) -> str:
    """The rows as Markdown: a section for each step, a column for each number; nested values stay in the JSON."""
    sections = []
    for step in dict.fromkeys(row["step"] for row in rows):
        own = [row for row in rows if row["step"] == step]
        columns = list(dict.fromkeys(key for row in own for key in row if key != "step" and _is_plain(row[key])))
        lines = [f"## {step}", "", f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
        lines += [f"| {' | '.join(_cell(row.get(column)) for column in columns)} |" for row in own]
        sections.append("\n".join(lines))
    return "\n\n".join(sections) + "\n"


def _is_plain(value: Any) -> bool:
    return not isinstance(value, list | dict)


def _cell(value: Any) -> str:
    if value is None or not _is_plain(value):
        return ""
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 1000 else f"{value:,.0f}"
    return str(value).replace("|", "/")
