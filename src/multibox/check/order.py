"""The order in which problems are reported."""

from collections.abc import Sequence

from multibox.data.formats.problem import Problem

_SEVERITIES = ("error", "warning", "note")


def sort_problems(problems: Sequence[Problem]) -> tuple[Problem, ...]:
    """Errors first, then by kind. Inside a kind, the order of the files is kept."""
    return tuple(sorted(problems, key=lambda problem: (_SEVERITIES.index(problem.severity), problem.kind)))
