"""The source maps of a tiling as a table for the terminal."""

from itertools import starmap

from multibox.cli.console import table
from multibox.priors import PriorMap, PriorSpec


def map_table(spec: PriorSpec) -> str:
    """A line for each source map: its grid, sizes in pixels of the input, ratios and numbers of priors."""
    head = ("map", "cells", "step", "sizes", "ratios", "per cell", "priors")
    return table([head, *starmap(_row, enumerate(spec.maps, start=1))])


def _row(number: int, source: PriorMap) -> tuple[str, ...]:
    rows, columns = source.cells
    steps = dict.fromkeys(f"{step:g}" for step in source.step)
    return (
        str(number),
        f"{rows} x {columns}",
        " x ".join(steps),
        *_boxes(source),
        str(source.boxes_per_cell),
        str(source.count),
    )


def _boxes(source: PriorMap) -> tuple[str, str]:
    """Sizes and ratios; for listed boxes the range of their sides, and width by height of each."""
    if source.boxes:
        sides = [side for box in source.boxes for side in box]
        listed = " ".join(f"{box.width:.3g}x{box.height:.3g}" for box in source.boxes)
        return f"{min(sides):.3g} - {max(sides):.3g}", listed
    sizes = [source.min_size] if source.max_size is None else [source.min_size, source.max_size]
    ratios = ["1", *(f"{r:g} 1/{r:g}" for r in source.ratios)]
    return " - ".join(f"{size:g}" for size in sizes), " ".join(ratios)
