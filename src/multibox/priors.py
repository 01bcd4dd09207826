"""Priors: the default boxes on the source maps of SSD (paper section 2.2, official prior_box_layer.cpp)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import floor
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Float32

from multibox.size import Size

Variances = tuple[float, float, float, float]
"""Divisors of the four offsets of a prior."""

RATIOS_300 = ((2.0,), (2.0, 3.0), (2.0, 3.0), (2.0, 3.0), (2.0,), (2.0,))
RATIOS_512 = ((2.0,), (2.0, 3.0), (2.0, 3.0), (2.0, 3.0), (2.0, 3.0), (2.0,), (2.0,))


class Step(NamedTuple):
    """The distance between the centers of neighboring cells, in pixels of the network input."""

    height: float
    width: float


class BoxSize(NamedTuple):
    """Height and width of a prior, in pixels of the network input."""

    height: float
    width: float


@dataclass(frozen=True)
class PriorMap:
    """The priors of one source map. Sizes and steps are pixels of the network input.

    A cell holds a square of `min_size`, a square of √(min_size · max_size) if `max_size` is given, and for each of
    `ratios` the box of that aspect ratio and the box of its reciprocal. `cells` holds the rows and columns of the map.

    Models of other programs need more: `boxes`, if there are any, are all boxes of a cell in order, instead of those
    that the three numbers give (see `listed_map`). Centers lie at `offset` of a step. `clip` cuts the boxes of this map
    to the image. `variances` are those of this map, if the maps differ. If `image_size` is given, sizes and steps are
    pixels of an image of that size.
    """

    cells: Size
    step: Step
    min_size: float
    max_size: float | None
    ratios: tuple[float, ...]
    boxes: tuple[BoxSize, ...] = ()
    offset: float = 0.5
    clip: bool = False
    variances: Variances | None = None
    image_size: Size | None = None

    @property
    def boxes_per_cell(self) -> int:
        return len(self.boxes) or 1 + (self.max_size is not None) + 2 * len(self.ratios)

    @property
    def count(self) -> int:
        return self.cells.height * self.cells.width * self.boxes_per_cell


class PriorPosition(NamedTuple):
    """Where a prior belongs: position of its map, row and column of its cell, position among the boxes of the cell."""

    map: int
    row: int
    column: int
    box: int


@dataclass(frozen=True)
class PriorSpec:
    """All priors of one detector, as numbers that fit into a weight file.

    `truncate` rounds min and max sizes down to whole pixels, as the official layer does; it matters for SSD512 only.
    `clip` cuts the boxes to the image, as the official code did before July 2016. `clip_sizes` limits width and height
    to those of the input, as torchvision does; `clip_centers` limits the centers too, as amdegroot/ssd.pytorch does.
    Weights need the priors that they were trained with.
    """

    input_size: Size
    maps: tuple[PriorMap, ...]
    truncate: bool = False
    clip: bool = False
    clip_sizes: bool = False
    clip_centers: bool = False

    @property
    def count(self) -> int:
        return sum(m.count for m in self.maps)

    def position(self, prior: int) -> PriorPosition:
        """Position of the prior with this index; raises IndexError for an index outside 0 … `count` - 1."""
        first = 0
        for number, source in enumerate(self.maps):
            if first <= prior < first + source.count:
                cell, box = divmod(prior - first, source.boxes_per_cell)
                return PriorPosition(number, *divmod(cell, source.cells[1]), box)
            first += source.count
        raise IndexError(f"there is no prior {prior}: the indices are 0 to {self.count - 1}")

    def keep(self, sources: Sequence[int]) -> "PriorSpec":
        """The priors of the maps at these positions (Table 3 of the paper removes source maps)."""
        return replace(self, maps=tuple(self.maps[i] for i in sources))


def make_prior_corners(spec: PriorSpec) -> Float32[np.ndarray, "p 4"]:
    """Priors as (x1, y1, x2, y2) relative to the input, float32, in Caffe's order: map, row, column, box.

    The rounding follows `PriorBoxLayer::Forward_cpu`: sides and centers in float32, the rest in double.
    """
    return np.concatenate([_map_corners(m, spec) for m in spec.maps])


def make_priors(spec: PriorSpec) -> Float32[np.ndarray, "p 4"]:
    """Priors as (cx, cy, w, h) relative to the input, float32, in Caffe's order."""
    low, high = np.split(make_prior_corners(spec).astype(np.float64), 2, axis=-1)
    return np.concatenate([(low + high) / 2, high - low], axis=-1).astype(np.float32)


def _map_corners(source: PriorMap, spec: PriorSpec) -> Float[np.ndarray, "p 4"]:
    height, width = source.image_size or spec.input_size
    rows, columns = np.meshgrid(*(np.arange(n) for n in source.cells), indexing="ij")
    offset = np.float32(source.offset)
    x = ((columns + offset) * np.float32(source.step.width)).astype(np.float32)
    y = ((rows + offset) * np.float32(source.step.height)).astype(np.float32)
    half = cell_sizes(source, truncate=spec.truncate).astype(np.float64) / 2
    center = np.stack([x, y], axis=-1)[:, :, None].astype(np.float64)
    limit = np.array([width, height], dtype=np.float64)
    half = np.minimum(half, limit / 2) if spec.clip_sizes else half
    center = np.minimum(center, limit) if spec.clip_centers else center
    corners = np.concatenate([center - half, center + half], axis=-1).reshape(-1, 4)
    corners = (corners / [width, height, width, height]).astype(np.float32)
    return corners.clip(0, 1) if spec.clip or source.clip else corners


def cell_sizes(source: PriorMap, *, truncate: bool = False) -> Float[np.ndarray, "k 2"]:
    """(width, height) in pixels of the boxes of one cell, in order."""
    if source.boxes:
        return np.array([(box.width, box.height) for box in source.boxes], dtype=np.float32)
    small, large = source.min_size, source.max_size
    if truncate:
        small, large = floor(small), large and floor(large)
    sizes = [(small, small)]
    if large is not None:
        sizes.append(((small * large) ** 0.5, (small * large) ** 0.5))
    for ratio in source.ratios:
        # The reciprocal is rounded to float32 before its root is taken, as the official layer does.
        roots = np.sqrt(np.array([ratio, np.float32(1) / np.float32(ratio)], dtype=np.float32))
        sizes += [(small * root, small / root) for root in roots]
    return np.array(sizes, dtype=np.float32)


def listed_map(cells: Size, step: Step, boxes: Sequence[BoxSize]) -> PriorMap:
    """A map whose boxes are listed; its `min_size` is the side of a square with the area of the smallest box."""
    smallest = min((box.height * box.width) ** 0.5 for box in boxes)
    return PriorMap(cells, step, smallest, None, (), boxes=tuple(boxes))


def map_variances(spec: PriorSpec, usual: Variances) -> Float32[np.ndarray, "4"] | Float32[np.ndarray, "p 4"]:
    """The variances of all priors: four numbers, or a row for each prior if a map has its own."""
    if all(source.variances is None for source in spec.maps):
        return np.array(usual, np.float32)
    rows = [np.array(source.variances or usual, np.float32) for source in spec.maps]
    return np.concatenate([np.tile(row, (source.count, 1)) for row, source in zip(rows, spec.maps, strict=True)])


def equation4_scales(maps: int, *, smallest: float = 0.2, largest: float = 0.9) -> tuple[float, ...]:
    """Scales s_1 … s_m, evenly spaced between `smallest` and `largest` (equation 4)."""
    if maps == 1:
        return (smallest,)
    return tuple(smallest + (largest - smallest) * k / (maps - 1) for k in range(maps))


def equation4_spec(
    input_size: Size,
    cells: Sequence[Size],
    *,
    ratios: Sequence[Sequence[float]],
    smallest: float = 0.2,
    largest: float = 0.9,
    beyond: float = 1.0,
) -> PriorSpec:
    """The priors of section 2.2: scales by equation 4, centers at ((i + ½) / |f_k|, (j + ½) / |f_k|).

    `beyond` is s_{m+1}, for the additional square of the last map. Scales refer to the shorter input side.
    """
    side = min(input_size)
    sizes = [side * s for s in (*equation4_scales(len(cells), smallest=smallest, largest=largest), beyond)]
    return sized_spec(input_size, cells, sizes=sizes, ratios=ratios)


def sized_spec(
    input_size: Size,
    cells: Sequence[Size],
    *,
    sizes: Sequence[float],
    ratios: Sequence[Sequence[float]],
) -> PriorSpec:
    """Priors from m + 1 sizes in pixels for m maps: each map's max size is the next map's min size."""
    if len(sizes) != len(cells) + 1 or len(ratios) != len(cells):
        raise ValueError(
            f"{len(sizes)} sizes and {len(ratios)} ratio lists for {len(cells)} maps: give one more size than maps, "
            "and one list of ratios for each map"
        )
    return PriorSpec(
        input_size,
        tuple(
            PriorMap(n, Step(input_size.height / n.height, input_size.width / n.width), small, large, tuple(r))
            for n, small, large, r in zip(cells, sizes, sizes[1:], ratios, strict=False)
        ),
    )


def official_sizes(side: int, *, first: int, lowest: int, highest: int, maps: int) -> tuple[float, ...]:
    """The m + 1 sizes in pixels of `ssd_pascal.py` and `ssd_coco.py`: percentages of the input side, in whole steps."""
    step = floor((highest - lowest) / (maps - 2))
    percent = [first, *range(lowest, highest + 1, step)]
    return tuple(side * p / 100 for p in (*percent, percent[-1] + step))


def _official_spec(
    side: int,
    cells: Sequence[int],
    steps: Sequence[int],
    ratios: Sequence[Sequence[float]],
    sizes: Sequence[float],
) -> PriorSpec:
    return PriorSpec(
        Size(side, side),
        tuple(
            PriorMap(Size(n, n), Step(float(step), float(step)), small, large, tuple(r))
            for n, step, small, large, r in zip(cells, steps, sizes, sizes[1:], ratios, strict=False)
        ),
    )


def ssd300_priors(*, first: int, lowest: int, highest: int = 90) -> PriorSpec:
    """The 8732 priors of the official SSD300 for these percentages of the input side."""
    sizes = official_sizes(300, first=first, lowest=lowest, highest=highest, maps=6)
    return _official_spec(300, (38, 19, 10, 5, 3, 1), (8, 16, 32, 64, 100, 300), RATIOS_300, sizes)


def ssd512_priors(*, first: int, lowest: int, highest: int = 90, truncate: bool = False) -> PriorSpec:
    """The 24564 priors of the official SSD512. Its released weights were trained with `truncate`."""
    sizes = official_sizes(512, first=first, lowest=lowest, highest=highest, maps=7)
    spec = _official_spec(512, (64, 32, 16, 8, 4, 2, 1), (8, 16, 32, 64, 128, 256, 512), RATIOS_512, sizes)
    return replace(spec, truncate=truncate)


SPECS = {
    "ssd300-voc": ssd300_priors(first=10, lowest=20),
    "ssd300-coco": ssd300_priors(first=7, lowest=15),
    "ssd512-voc": ssd512_priors(first=7, lowest=15),
    "ssd512-coco": ssd512_priors(first=4, lowest=10),
}
