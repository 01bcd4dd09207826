"""The priors of Table 3: about 8732 on fewer source maps (paper section 3.2).

The paper says that the number stays similar because the remaining maps get more scales. It prints the totals, but not
the boxes of a cell. The tilings here are our choice: they have exactly the printed totals, and the scales of removed
maps move to the coarsest remaining one. A map with several scales is a source that is listed several times.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from multibox.models.config import ModelConfig, ssd300_config
from multibox.priors import SPECS, PriorMap

MAPS = SPECS["ssd300-voc"].maps
CONV4_3, CONV7, CONV8_2, CONV9_2, CONV10_2, CONV11_2 = range(6)
FIRST_EXTRA = CONV8_2
WIDE, MIDDLE = (2.0, 3.0), (2.0,)


class Scale(NamedTuple):
    """Boxes of SSD300's size number `size` in each cell of map number `source`.

    With `between` there is also a box of the geometric mean of this size and the next.
    """

    source: int
    size: int
    ratios: tuple[float, ...]
    between: bool = True


FIVE_SOURCES = (
    Scale(CONV4_3, 0, MIDDLE),
    Scale(CONV7, 1, WIDE),
    Scale(CONV8_2, 2, WIDE),
    Scale(CONV9_2, 3, WIDE),
    Scale(CONV10_2, 4, MIDDLE),
    Scale(CONV10_2, 5, MIDDLE),
)
"""4, 6, 6, 6 and 8 boxes a cell: 8764. conv10_2 has its own scale and the scale of conv11_2."""

FOUR_SOURCES = (
    Scale(CONV4_3, 0, MIDDLE),
    Scale(CONV7, 1, WIDE),
    Scale(CONV8_2, 2, WIDE),
    Scale(CONV9_2, 3, WIDE),
    Scale(CONV9_2, 4, WIDE),
    Scale(CONV9_2, 5, MIDDLE),
)
"""4, 6, 6 and 16 boxes a cell: 8942."""

THREE_SOURCES = (
    Scale(CONV4_3, 0, MIDDLE),
    Scale(CONV7, 1, MIDDLE),
    Scale(CONV7, 2, MIDDLE),
    Scale(CONV8_2, 3, MIDDLE),
    Scale(CONV8_2, 4, MIDDLE),
    Scale(CONV8_2, 5, MIDDLE),
)
"""4, 8 and 12 boxes a cell: 9864."""

TWO_SOURCES = (
    Scale(CONV4_3, 0, MIDDLE),
    Scale(CONV7, 1, MIDDLE, between=False),
    Scale(CONV7, 3, MIDDLE, between=False),
    Scale(CONV7, 5, MIDDLE, between=False),
)
"""4 and 9 boxes a cell: 9025. Every second scale, because all five would exceed the total."""

ONE_SOURCE = tuple(Scale(CONV7, size, MIDDLE) for size in range(6))
"""24 boxes a cell: 8664."""


def tiled(scales: Sequence[Scale]) -> ModelConfig:
    """Return an SSD300 that predicts from these scales only, without the extra layers that they do not need."""
    model = ssd300_config()
    extras = max(scale.source for scale in scales) + 1 - FIRST_EXTRA
    return replace(
        model,
        extras=model.extras[: max(0, extras)],
        sources=tuple(scale.source for scale in scales),
        priors=replace(model.priors, maps=tuple(map(_map, scales))),
    )


def _map(scale: Scale) -> PriorMap:
    size, place = MAPS[scale.size], MAPS[scale.source]
    return PriorMap(
        place.cells, place.step, size.min_size, size.max_size if scale.between else None, ratios=scale.ratios
    )
