"""`multibox priors fit`: priors that cover more objects of a data set with no more boxes."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from multibox.cli.console import print_json, progress_bar
from multibox.cli.options import Json, Split
from multibox.cli.priors.source import (
    ModelOption,
    PriorsOption,
    RecipeOption,
    SizesOption,
    WeightsOption,
    choose_priors,
)
from multibox.errors import UsageError

if TYPE_CHECKING:
    from multibox.tiling.fit import Fit


def fit(
    data: Annotated[Path, typer.Argument(metavar="DATA", help="Data set: a folder or an annotation file.")],
    *,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE", help="The JSON file to write.")],
    split: Split = None,
    held_out: Annotated[
        str,
        typer.Option(
            "--held-out", metavar="SPLIT", help="Images to measure the gain on: a split, a share such as 0.2, or none."
        ),
    ] = "0.2",
    boxes: Annotated[
        int | None,
        typer.Option(
            "--boxes", min=1, metavar="N", help="Maximum number of priors; by default as many as the model has."
        ),
    ] = None,
    augmentation: Annotated[
        str,
        typer.Option("--augmentation", metavar="NAME", help="Also cover training samples: caffe, paper, flip or none."),
    ] = "caffe",
    model: ModelOption = None,
    sizes: SizesOption = None,
    recipe: RecipeOption = None,
    weights: WeightsOption = None,
    priors: PriorsOption = None,
    as_json: Json = False,
) -> None:
    """Fit sizes and ratios of priors to a data set, without adding boxes, and measure the gain.

    The fit starts from the priors of a model and keeps its maps. Train with the result:
    multibox train quick --data DATA --out DIR --set model.priors=FILE
    """
    if out.suffix.lower() != ".json":
        raise UsageError(f"--out {out} must end in .json")
    from multibox.data.augmentation.augmentation import find_augmentation
    from multibox.tiling.file import write_priors
    from multibox.tiling.fit import fit_priors
    from multibox.tiling.hold_out import load_parts

    name, start = choose_priors(model=model, sizes=sizes, recipe=recipe, weights=weights, priors=priors)
    samples = None if augmentation == "none" else find_augmentation(augmentation)
    dataset, held = load_parts(data, split=split, held_out=held_out)
    with progress_bar("searching") as progress:
        fitted = fit_priors(dataset, start, boxes=boxes, augmentation=samples, held_out=held, progress=progress)
    about = {"data": dataset.name, "start": name, "augmentation": augmentation, **fitted.to_json()}
    write_priors(out, fitted.priors, about=about)
    if as_json:
        print_json(about | {"file": str(out)})
    else:
        print(f"{dataset.name}{f', held out {held.name}' if held else ''}: {_text(fitted, name)}\n")
        print(f"{out}: train with --set model.priors={out}")


def _text(fitted: "Fit", name: str) -> str:
    from multibox.cli.priors.table import map_table
    from multibox.tiling.tables import gain_text

    return (
        f"{fitted.start.count:,} priors of {name} before, {fitted.priors.count:,} after\n"
        "objects that some prior overlaps with an IoU of 0.5, before the guaranteed match\n\n"
        f"{gain_text(fitted.fitted, fitted.held_out)}\n\n{map_table(fitted.priors)}"
    )
