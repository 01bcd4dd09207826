"""Experiments by name."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from multibox.errors import UsageError
from multibox.recipes.quick import quick
from multibox.recipes.recipe import Recipe
from multibox.recipes.voc import ssd300_voc, ssd512_voc

RECIPES: Mapping[str, Callable[[], Recipe]] = MappingProxyType(
    {"quick": quick, "ssd300-voc": ssd300_voc, "ssd512-voc": ssd512_voc}
)


def find_recipe(name: str) -> Recipe:
    """The recipe of that name; UsageError with the known names where there is none."""
    if name not in RECIPES:
        raise UsageError(f"recipe {name!r} is not known: choose one of {', '.join(RECIPES)}")
    return RECIPES[name]()
