"""Recipes by name."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from multibox.errors import UsageError
from multibox.experiments.recipe import Recipe
from multibox.experiments.recipes import coco, ilsvrc, table1, table2, table3, table4, table5, table6, voc
from multibox.experiments.recipes.light import light96, light160
from multibox.experiments.recipes.lite import lite320
from multibox.experiments.recipes.quick import quick

PAPER: Mapping[str, Callable[[], Recipe]] = MappingProxyType(
    {
        "table1-ssd300-07": table1.ssd300_07,
        "table1-ssd300-0712": table1.ssd300_0712,
        "table1-ssd300-0712-coco": table1.ssd300_0712_coco,
        "table1-ssd512-07": table1.ssd512_07,
        "table1-ssd512-0712": table1.ssd512_0712,
        "table1-ssd512-0712-coco": table1.ssd512_0712_coco,
        "table2-only-flips": table2.only_flips,
        "table2-only-squares": table2.only_squares,
        "table2-no-ratio-3": table2.no_ratio_3,
        "table2-no-atrous": table2.no_atrous,
        "table3-6-sources-inside": table3.six_sources_inside,
        "table3-5-sources": table3.five_sources,
        "table3-5-sources-inside": table3.five_sources_inside,
        "table3-4-sources": table3.four_sources,
        "table3-4-sources-inside": table3.four_sources_inside,
        "table3-3-sources": table3.three_sources,
        "table3-3-sources-inside": table3.three_sources_inside,
        "table3-2-sources": table3.two_sources,
        "table3-2-sources-inside": table3.two_sources_inside,
        "table3-1-source": table3.one_source,
        "table3-1-source-inside": table3.one_source_inside,
        "table4-ssd300": table4.ssd300,
        "table4-ssd300-coco": table4.ssd300_coco,
        "table4-ssd512": table4.ssd512,
        "table4-ssd512-small": table4.ssd512_small,
        "table4-ssd512-coco": table4.ssd512_coco,
        "table5-ssd300": table5.ssd300,
        "table5-ssd512": table5.ssd512,
        "table6-ssd300-0712-coco": table6.ssd300_0712_coco,
        "table6-ssd300-0712-plus": table6.ssd300_0712_plus,
        "table6-ssd300-0712-plus-coco": table6.ssd300_0712_plus_coco,
        "table6-ssd300-coco": table6.ssd300_coco,
        "table6-ssd512-0712-coco": table6.ssd512_0712_coco,
        "table6-ssd512-0712-plus": table6.ssd512_0712_plus,
        "table6-ssd512-0712-plus-small": table6.ssd512_0712_plus_small,
        "table6-ssd512-0712-plus-coco": table6.ssd512_0712_plus_coco,
        "table6-ssd512-coco": table6.ssd512_coco,
        "ilsvrc-ssd300": ilsvrc.ssd300,
        "ilsvrc-ssd300-voc-sizes": ilsvrc.ssd300_voc_sizes,
    }
)
"""The rows of the paper's tables, according to the text of the paper."""

RECIPES: Mapping[str, Callable[[], Recipe]] = MappingProxyType(
    {
        "quick": quick,
        "lite320": lite320,
        "light96": light96,
        "light160": light160,
        "ssd300-voc": voc.ssd300_voc,
        "ssd512-voc": voc.ssd512_voc,
        "ssd300-coco": coco.ssd300_coco,
        "ssd512-coco": coco.ssd512_coco,
        **PAPER,
    }
)


def find_recipe(name: str) -> Recipe:
    """Return the recipe of a name; UsageError that lists the known names if there is none."""
    if name not in RECIPES:
        common = ", ".join(name for name in RECIPES if name not in PAPER)
        raise UsageError(
            f"recipe {name!r} is not known: choose one of {common}, or a row of the paper's tables, for example "
            "table1-ssd300-07 (`multibox reproduce table1 --plan` lists them)"
        )
    return RECIPES[name]()
