"""What `multibox detect` prints for people."""

from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from multibox.cli.console import table
from multibox.words import counted, escaped

if TYPE_CHECKING:
    from multibox.detections import Detections


def line_of(name: str, found: "Detections", *, shown: float) -> str:
    """street.jpg: 3 person (0.98 to 0.57), dog 0.87"""
    scores: dict[str, list[float]] = {}
    for _, score, class_name in found.above(shown):
        scores.setdefault(escaped(class_name), []).append(score)
    if scores:
        return f"{escaped(name)}: {', '.join(_of_class(one, of_one) for one, of_one in scores.items())}"
    best = f"; the best is {escaped(found.class_names[found.labels[0]])} {found.scores[0]:.2f}" if len(found) else ""
    return f"{escaped(name)}: nothing that scores {shown:g}{best}"


def _of_class(name: str, scores: list[float]) -> str:
    if len(scores) == 1:
        return f"{name} {scores[0]:.2f}"
    return f"{len(scores)} {name} ({scores[0]:.2f} to {scores[-1]:.2f})"


def summary(number: int, noun: str, *, failed: int, seconds: float, out: Path | None, done: str) -> str:
    """12 images in 0.8 s, 1 failed, drawn in DIR"""
    parts = [f"{counted(number - failed, noun)} in {seconds:.1f} s"]
    if failed:
        parts.append(f"{failed} failed")
    if out is not None and number > failed:
        parts.append(f"{done} in {out}")
    return ", ".join(parts)


def stage_medians(stages: list[dict[str, float]]) -> str:
    """The median time of each stage as a table."""
    rows = [(name, f"{median(times[name] for times in stages):.2f}") for name in stages[0]]
    whole = median(sum(times.values()) for times in stages)
    return table([("stage", "median ms"), *rows, ("whole image", f"{whole:.2f}")])
