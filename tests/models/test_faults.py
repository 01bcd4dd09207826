"""Faults of model descriptions: none in the models that the package defines, one in each that cannot work."""

from dataclasses import replace

import pytest

from multibox.errors import UsageError
from multibox.experiments.recipe import override
from multibox.experiments.recipes import RECIPES, find_recipe
from multibox.models.bases.resnet import ResNetConfig
from multibox.models.config import ssd300_config
from multibox.models.faults import find_fault
from multibox.models.rule_faults import find_class_fault


@pytest.mark.parametrize("name", RECIPES)
def test_recipes_have_no_fault(name: str):
    """Every recipe's model against the rules."""
    assert find_fault(find_recipe(name).model) is None


def test_another_base_needs_other_priors():
    """SSD300's priors on a base network with other maps, in a config and by --set, against what is wrong."""
    config = replace(ssd300_config(), base=ResNetConfig())
    assert find_fault(config) == "extras has 4 layers, and the last one gets no cells"
    with pytest.raises(
        UsageError, match=r"--set model\.base=.* no such model can be built, because extras has 4 layers"
    ):
        override(find_recipe("ssd300-voc"), ['model.base={"kind": "resnet"}'])
    with pytest.raises(UsageError, match=r"base network 'resnet' is not known: choose one of vgg16, vgg16_bn, "):
        override(find_recipe("ssd300-voc"), ["model.base=resnet"])


def test_cells_are_those_of_the_network():
    """Priors of another input size than their cells against the first map that differs."""
    config = ssd300_config()
    other = replace(config, priors=replace(config.priors, input_size=config.priors.input_size._replace(height=320)))
    assert find_fault(other) == "priors.maps.0.cells is 38 x 38, but the network makes 40 x 38"


def test_class_names():
    """Equal names, an empty name and too many scores against the rule."""
    assert find_class_fault(["a", "b"], priors=8732) is None
    assert find_class_fault(["a", "b", "a"], priors=8732) == "class_names has 'a' twice"
    assert find_class_fault(["a", " "], priors=8732) == "class_names.1 has 1 letters, it must have 1 to 1000"
    assert find_class_fault([str(i) for i in range(9000)], priors=8732) is not None
