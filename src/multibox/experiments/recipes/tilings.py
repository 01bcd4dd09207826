"""How Table 3 spreads about 8732 priors over fewer source maps (paper section 3.2).

The paper says that the number stays similar because the remaining maps take more scales, and prints the totals, but not
the boxes of a cell. What stands here is our choice: it gives every printed total exactly, and the scales of the maps
that went move to the coarsest one that stays. A map with several scales is a source that is named several times.
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
    """Boxes of SSD300's size number `size` in every cell of map number `source`; `between`: also the √ of two sizes."""

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
"""4, 6, 6, 6 and 8 boxes a cell: 8764. conv10_2 has its own scale and that of conv11_2."""

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
"""4 and 9 boxes a cell: 9025. Every other scale, because conv7 cannot hold all five."""

ONE_SOURCE = tuple(Scale(CONV7, size, MIDDLE) for size in range(6))
"""24 boxes a cell: 8664."""


def tiled(scales: Sequence[Scale]) -> ModelConfig:
    """SSD300 that predicts from these scales alone, without the extra layers that none of them needs."""
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
