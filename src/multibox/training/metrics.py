"""The metrics of a run: JSON lines in its folder."""

import json
from pathlib import Path
from typing import Any

from multibox.errors import DataError
from multibox.system.atomic import atomic_file, naming
from multibox.system.json import parse_json

METRICS = "metrics.jsonl"


def append_metrics(folder: Path, row: dict[str, Any]) -> None:
    """Add one line to the metrics of a run."""
    path = folder / METRICS
    with naming(path), open(path, "a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")


def read_metrics(folder: Path) -> list[dict[str, Any]]:
    """Return the rows of a run's metrics, up to the first line that is damaged or cut off by a crash."""
    path = folder / METRICS
    rows: list[dict[str, Any]] = []
    for line in path.read_bytes().split(b"\n")[:-1] if path.exists() else []:
        try:
            row = parse_json(line.decode(), name=str(path))
        except (DataError, UnicodeDecodeError):
            break
        if not isinstance(row, dict) or type(row.get("step")) is not int:
            break
        rows.append(row)
    return rows


def keep_metrics_until(folder: Path, step: int, *, rows: list[dict[str, Any]]) -> None:
    """Rewrite the metrics with those of `rows` up to `step`. A resumed run measures the later ones again."""
    lines = [json.dumps(row) + "\n" for row in rows if row["step"] <= step]
    with atomic_file(folder / METRICS) as file:
        file.write("".join(lines).encode())
