"""Table 3 of the paper (section 3.2): SSD300 with fewer source maps on VOC2007 test, trained on 07+12.

Each is trained twice: with all priors, and with only those inside the image, like the anchors of Faster R-CNN. The
paper does not say how the priors are distributed; `tilings.py` has our choice. The row with all six sources is
table1-ssd300-0712.
Each costs 1.92 million images.
"""

from dataclasses import replace

from multibox.experiments.recipe import Recipe
from multibox.experiments.recipes.original import voc2007
from multibox.experiments.recipes.table1 import ssd300_0712
from multibox.experiments.recipes.tilings import (
    FIVE_SOURCES,
    FOUR_SOURCES,
    ONE_SOURCE,
    THREE_SOURCES,
    TWO_SOURCES,
    tiled,
)


def six_sources_inside() -> Recipe:
    """All six sources, 8732 priors, those across the boundary ignored, 60k steps: 63.4 mAP (74.3 with all).

    multibox train table3-6-sources-inside --data VOCdevkit --out runs/table3-6-sources-inside
    """
    return _inside(ssd300_0712(), "table3-6-sources-inside")


def five_sources() -> Recipe:
    """conv4_3, conv7 and conv8_2 to conv10_2, 8764 priors, 60k steps: 74.6 mAP.

    multibox train table3-5-sources --data VOCdevkit --out runs/table3-5-sources
    """
    return voc2007("table3-5-sources", tiled(FIVE_SOURCES))


def five_sources_inside() -> Recipe:
    """conv4_3, conv7 and conv8_2 to conv10_2, 8764 priors, those across the boundary ignored, 60k steps: 63.1 mAP.

    multibox train table3-5-sources-inside --data VOCdevkit --out runs/table3-5-sources-inside
    """
    return _inside(five_sources(), "table3-5-sources-inside")


def four_sources() -> Recipe:
    """conv4_3, conv7, conv8_2 and conv9_2, 8942 priors, 60k steps: 73.8 mAP.

    multibox train table3-4-sources --data VOCdevkit --out runs/table3-4-sources
    """
    return voc2007("table3-4-sources", tiled(FOUR_SOURCES))


def four_sources_inside() -> Recipe:
    """conv4_3, conv7, conv8_2 and conv9_2, 8942 priors, those across the boundary ignored, 60k steps: 68.4 mAP.

    multibox train table3-4-sources-inside --data VOCdevkit --out runs/table3-4-sources-inside
    """
    return _inside(four_sources(), "table3-4-sources-inside")


def three_sources() -> Recipe:
    """conv4_3, conv7 and conv8_2, 9864 priors, 60k steps: 70.7 mAP.

    multibox train table3-3-sources --data VOCdevkit --out runs/table3-3-sources
    """
    return voc2007("table3-3-sources", tiled(THREE_SOURCES))


def three_sources_inside() -> Recipe:
    """conv4_3, conv7 and conv8_2, 9864 priors, those across the boundary ignored, 60k steps: 69.2 mAP.

    multibox train table3-3-sources-inside --data VOCdevkit --out runs/table3-3-sources-inside
    """
    return _inside(three_sources(), "table3-3-sources-inside")


def two_sources() -> Recipe:
    """conv4_3 and conv7, 9025 priors, 60k steps: 64.2 mAP.

    multibox train table3-2-sources --data VOCdevkit --out runs/table3-2-sources
    """
    return voc2007("table3-2-sources", tiled(TWO_SOURCES))


def two_sources_inside() -> Recipe:
    """conv4_3 and conv7, 9025 priors, those across the boundary ignored, 60k steps: 64.4 mAP.

    multibox train table3-2-sources-inside --data VOCdevkit --out runs/table3-2-sources-inside
    """
    return _inside(two_sources(), "table3-2-sources-inside")


def one_source() -> Recipe:
    """conv7 alone, 8664 priors, 60k steps: 62.4 mAP.

    multibox train table3-1-source --data VOCdevkit --out runs/table3-1-source
    """
    return voc2007("table3-1-source", tiled(ONE_SOURCE))


def one_source_inside() -> Recipe:
    """conv7 alone, 8664 priors, those across the boundary ignored, 60k steps: 64.0 mAP.

    multibox train table3-1-source-inside --data VOCdevkit --out runs/table3-1-source-inside
    """
    return _inside(one_source(), "table3-1-source-inside")


def _inside(recipe: Recipe, name: str) -> Recipe:
    return replace(recipe, name=name, loss=replace(recipe.loss, skip_boundary=True))
