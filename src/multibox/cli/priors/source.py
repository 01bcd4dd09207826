"""Whose priors a command is about: those of a known model, a recipe, a weight file, or a file of fitted ones."""

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


ModelOption = Annotated[Model | None, typer.Option("--model", help="The model; by default ssd300.")]
SizesOption = Annotated[
    Sizes | None,
    typer.Option("--dataset", help="The sizes of ssd300 and ssd512 for VOC or COCO; by default VOC."),
]
RecipeOption = Annotated[
    str | None, typer.Option("--recipe", metavar="NAME", help="The model of a recipe, such as quick.")
]
WeightsOption = Annotated[
    str | None, typer.Option("--weights", "-w", metavar="FILE", help="The model of a weight file or published name.")
]
PriorsOption = Annotated[
    Path | None, typer.Option("--priors", metavar="FILE", help="Priors that `multibox priors fit` wrote.")
]


def choose_priors(
    *, model: Model | None, sizes: Sizes | None, recipe: str | None, weights: str | None, file: Path | None
) -> tuple[str, "PriorSpec"]:
    """A name for the priors and the priors; UsageError where more than one origin is given."""
    given = {"--model": model, "--recipe": recipe, "--weights": weights, "--priors": file}
    named = [option for option, value in given.items() if value is not None]
    if len(named) > 1:
        raise UsageError(f"{' and '.join(named)} name different priors; give one of them")
    if sizes is not None and (named not in ([], ["--model"]) or model not in (None, Model.ssd300, Model.ssd512)):
        raise UsageError(f"--dataset {sizes.value} chooses sizes of ssd300 and ssd512; leave it out with others")
    if recipe is not None:
        return recipe, _of_recipe(recipe)
    if weights is not None:
        return Path(weights).name, _of_weights(weights)
    if file is not None:
        from multibox.tiling.file import read_priors

        return file.name, read_priors(file)
    chosen = model or Model.ssd300
    return chosen.value, _of_model(chosen, sizes or Sizes.voc)


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
