"""Coverage by priors as tables of plain text: what no prior covers, and what a fit changes."""

from collections.abc import Iterator

from multibox.data.dataset import Dataset
from multibox.tiling.coverage import Coverage, GroupCoverage
from multibox.tiling.fit import Gain
from multibox.tiling.missed import missed_objects

_MAX_MISSED = 5
_MAX_CLASSES = 30
_NO_OBJECTS = GroupCoverage(0, 0.0, 0.0, 0.0, 0.0)


def coverage_text(coverage: Coverage, dataset: Dataset, *, model: str) -> str:
    """Numbers of objects that no prior of `model` covers, by size, aspect and class, and the least covered objects."""
    height, width = coverage.input_size
    return "\n".join(
        [
            f"{dataset.name}: {coverage.everything.objects:,} objects in {coverage.images:,} whole images, "
            f"the {coverage.priors:,} priors of {model} at {width} x {height}",
            "missed: objects that no prior overlaps with an IoU of 0.5, before the guaranteed match; "
            "priors each: mean number of priors that are matched to an object",
            "",
            *_coverage_rows(coverage),
            "",
            *_least_covered(coverage, dataset),
        ]
    )


def gain_text(fitted: Gain, held_out: Gain | None) -> str:
    """Shares of the objects covered at an IoU of 0.5 before and after a fit, on both sets of images."""
    gains = [fitted] if held_out is None else [fitted, held_out]
    wide = _name_width(fitted.before)
    titles = ("fitted", "held out")[: len(gains)]
    lines = [" " * wide + "".join(f"{title:>12}{'before':>10}{'after':>10}" for title in titles)]
    for place, (title, names) in enumerate(_group_names(fitted.before)):
        lines.append(title)
        for name in names:
            row = "".join(_before_after(gain, place, name) for gain in gains)
            if row.strip("0- "):
                lines.append(f"  {name:{wide - 2}}{row}")
        if place == 0:
            lines.append(f"  {'mean best IoU':{wide - 2}}" + "".join(map(_mean_ious, gains)))
    return "\n".join(lines)


def _mean_ious(gain: Gain) -> str:
    before, after = (_mean_iou(coverage) for coverage in (gain.before, gain.after))
    return f"{'':12}{before:10.3f}{after:10.3f}"


def _mean_iou(coverage: Coverage) -> float:
    ious = coverage.per_object.best_iou
    return float(ious.mean()) if len(ious) else 0.0


def _before_after(gain: Gain, group: int, name: str) -> str:
    before, after = (_shares(coverage)[group].get(name, _NO_OBJECTS) for coverage in (gain.before, gain.after))
    if not before.objects:
        return f"{0:12}{'-':>10}{'-':>10}"
    return f"{before.objects:12,}{100 * before.overlap_50:8.1f} %{100 * after.overlap_50:8.1f} %"


def _coverage_rows(coverage: Coverage) -> Iterator[str]:
    wide = _name_width(coverage)
    yield f"{'':{wide}}  missed  objects  IoU 0.5  IoU 0.7  priors each"
    for (title, names), shares in zip(_group_names(coverage), _shares(coverage), strict=True):
        yield title
        yield from (f"  {name:{wide - 2}}{_numbers(shares[name])}" for name in names if shares[name].objects)


def _numbers(share: GroupCoverage) -> str:
    missed = share.objects - round(share.overlap_50 * share.objects)
    parts = f"{100 * share.overlap_50:7.1f} %{100 * share.overlap_70:7.1f} %"
    return f"{missed:8,}{share.objects:9,}{parts}{share.positives:13.1f}"


def _shares(coverage: Coverage) -> list[dict[str, GroupCoverage]]:
    return [{"objects": coverage.everything}, coverage.sizes, coverage.aspects, coverage.classes]


def _group_names(coverage: Coverage) -> list[tuple[str, list[str]]]:
    """Titles and names of the groups of `_shares`, the classes in ascending order of coverage up to a limit."""
    classes = [name for name, share in coverage.classes.items() if share.objects]
    classes.sort(key=lambda name: (coverage.classes[name].overlap_50, -coverage.classes[name].objects))
    more = f", the {_MAX_CLASSES} least covered of {len(classes)}" if len(classes) > _MAX_CLASSES else ""
    return [
        ("all", ["objects"]),
        ("by size at the input", list(coverage.sizes)),
        ("by width / height at the input", list(coverage.aspects)),
        (f"by class{more}", classes[:_MAX_CLASSES]),
    ]


def _name_width(coverage: Coverage) -> int:
    return max(len(name) for _, names in _group_names(coverage) for name in names) + 4


def _least_covered(coverage: Coverage, dataset: Dataset) -> Iterator[str]:
    missed = missed_objects(coverage, dataset)
    if not missed:
        yield "some prior overlaps every object with an IoU of 0.5"
        return
    yield f"the worst of the {len(missed):,} missed objects; sizes in pixels of the input"
    for item in missed[:_MAX_MISSED]:
        width, height = item.shape
        yield (
            f"  best IoU {item.iou:.2f}  {item.name}, {width:.0f} x {height:.0f}, in {item.image.name} at "
            f"{', '.join(f'{value:.0f}' for value in item.box)}"
        )
