"""The priors that a command is about: those of a model, a recipe, a weight file, or `--priors`."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from multibox.errors import UsageError

if TYPE_CHECKING:
    from multibox.priors import PriorSpec


class Model(StrEnum):
    """Models with known priors."""

    ssd300 = "ssd300"
    ssd512 = "ssd512"
    ssdlite320 = "ssdlite320"
    slim300 = "slim300"
    slim224 = "slim224"


class Sizes(StrEnum):
    """Data sets that the official sizes were chosen for."""

    voc = "voc"
    coco = "coco"


ModelOption = Annotated[Model | None, typer.Option("--model", help="Use the priors of this model; ssd300 by default.")]
SizesOption = Annotated[
    Sizes | None,
    typer.Option("--sizes", help="Official sizes of ssd300 and ssd512: for VOC, the default, or for COCO."),
]
RecipeOption = Annotated[
    str | None, typer.Option("--recipe", metavar="NAME", help="Use the priors of a recipe, such as quick.")
]
WeightsOption = Annotated[
    str | None,
    typer.Option("--weights", "-w", metavar="FILE", help="Use the priors of a weight file or a published name."),
]
PriorsOption = Annotated[
    str | None,
    typer.Option(
        "--priors", metavar="NAME|FILE", help="Use official priors, such as ssd300-coco, or a file of `priors fit`."
    ),
]


def choose_priors(
    *, model: Model | None, sizes: Sizes | None, recipe: str | None, weights: str | None, priors: str | None
) -> tuple[str, "PriorSpec"]:
    """The priors and a name for them. Raises UsageError if more than one of the options is given."""
    given = {"--model": model, "--recipe": recipe, "--weights": weights, "--priors": priors}
    named = [option for option, value in given.items() if value is not None]
    if len(named) > 1:
        raise UsageError(f"{' and '.join(named)} name different priors; give one of them")
    if sizes is not None and (named not in ([], ["--model"]) or model not in (None, Model.ssd300, Model.ssd512)):
        raise UsageError(f"--sizes {sizes.value} chooses sizes of ssd300 and ssd512; leave it out with others")
    if recipe is not None:
        return recipe, _of_recipe(recipe)
    if weights is not None:
        return Path(weights).name, _of_weights(weights)
    if priors is not None:
        from multibox.tiling.file import find_priors

        return Path(priors).name, find_priors(priors)
    model = model or Model.ssd300
    return model.value, _of_model(model, sizes or Sizes.voc)


def _of_recipe(name: str) -> "PriorSpec":
    from multibox.experiments.recipes import find_recipe

    return find_recipe(name).model.priors


def _of_weights(source: str) -> "PriorSpec":
    from multibox.weights.source import open_weights

    return open_weights(source)[0].config.priors


def _of_model(model: Model, sizes: Sizes) -> "PriorSpec":
    from multibox.models import config

    builders = {
        Model.ssdlite320: config.ssdlite320_config,
        Model.slim300: config.slim300_config,
        Model.slim224: config.slim224_config,
    }
    if model in builders:
        return builders[model]().priors
    build = config.ssd300_config if model is Model.ssd300 else config.ssd512_config
    return build(dataset=sizes.value).priors
