"""The result of a check as plain text for a terminal."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from multibox.check.check import CheckResult
from multibox.check.titles import meaning_of, title_of
from multibox.data.formats.problem import Problem
from multibox.tiling.coverage import Coverage, GroupCoverage
from multibox.words import counted

_MAX_PROBLEMS = 5  # of each kind
_MAX_CLASSES = 20


def check_text(result: CheckResult, *, model: str = "") -> str:
    """Counts, the first problems of each kind, coverage by the priors of the model named `model`, and a verdict."""
    lines = [*_counts(result), ""]
    for (severity, kind), problems in groupby(result.problems, key=lambda problem: (problem.severity, problem.kind)):
        lines += [*_group(severity, kind, list(problems)), ""]
    if result.coverage:
        lines += [*_coverage(result.coverage, model), ""]
    return "\n".join([*lines, _verdict(result)])


def _counts(result: CheckResult) -> Iterator[str]:
    raw = result.raw
    objects = counted(sum(result.classes.values()), "object")
    yield f"{raw.name} ({raw.format}): {counted(len(raw.records), 'image')}, {objects}"
    yield f"splits   {', '.join(f'{name} {count:,}' for name, count in result.splits.items()) or 'none'}"
    if result.holdout:
        yield f"holdout  {result.holdout}"
    ranked = sorted(result.classes.items(), key=lambda pair: -pair[1])
    more = f", … ({len(ranked)} in all)" if len(ranked) > _MAX_CLASSES else ""
    yield f"classes  {', '.join(f'{name} {count:,}' for name, count in ranked[:_MAX_CLASSES])}{more}"


def _group(severity: str, kind: str, problems: Sequence[Problem]) -> Iterator[str]:
    yield f"{severity}: {title_of(kind)} ({len(problems):,}). {meaning_of(kind)}"
    yield from (f"  {problem}" for problem in problems[:_MAX_PROBLEMS])
    if len(problems) > _MAX_PROBLEMS:
        yield f"  … and {len(problems) - _MAX_PROBLEMS:,} more; --json lists all"


def _coverage(coverage: Coverage, model: str) -> Iterator[str]:
    height, width = coverage.input_size
    name, images = model or "the model", counted(coverage.images, "image")
    yield f"coverage by the {coverage.priors:,} priors of {name} at {width} x {height}, {images}:"
    yield "shares of the objects that some prior overlaps with an IoU of 0.5, of 0.7; share matched to a prior"
    worst = sorted(coverage.classes.items(), key=lambda pair: pair[1].overlap_50)
    rows = [("all objects", coverage.everything), *coverage.sizes.items()]
    rows += [(name, share) for name, share in worst if share.objects][:_MAX_CLASSES]
    wide = max(len(name) for name, _ in rows)
    yield f"  {'':{wide}}  IoU 0.5  IoU 0.7  matched  priors each  objects"
    yield from (f"  {name:{wide}}{_numbers(share)}" for name, share in rows)


def _numbers(share: GroupCoverage) -> str:
    shares = (share.overlap_50, share.overlap_70, share.matched)
    return f"{''.join(f'{100 * part:7.1f} %' for part in shares)}{share.positives:13.1f}{share.objects:9,}"


def _verdict(result: CheckResult) -> str:
    count = {key: sum(problem.severity == key for problem in result.problems) for key in ("error", "warning", "note")}
    numbers = ", ".join(f"{number:,} {key}{'' if number == 1 else 's'}" for key, number in count.items())
    return f"{'ok' if result.ok else 'not ok: correct the errors before training'} ({numbers})"
