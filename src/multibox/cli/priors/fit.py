"""`multibox priors fit`: priors that reach more objects of a data set with no more boxes."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from multibox.cli.console import print_json, progress_bar
from multibox.cli.options import Json
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
    from multibox.data.dataset import Dataset


def fit(
    data: Annotated[Path, typer.Argument(metavar="DATA", help="Data set: a folder or annotation file.")],
    *,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE", help="The JSON file to write.")],
    split: Annotated[
        str | None, typer.Option("--split", metavar="NAME", help="Part to fit to; by default that for training.")
    ] = None,
    held_out: Annotated[
        str,
        typer.Option(
            "--held-out", metavar="SPLIT", help="Where to measure the gain too: a split, a share such as 0.2, or none."
        ),
    ] = "0.2",
    boxes: Annotated[
        int | None, typer.Option("--boxes", min=1, metavar="N", help="At most so many priors; by default the model's.")
    ] = None,
    augmented: Annotated[
        str,
        typer.Option("--augmented", metavar="NAME", help="Also reach training samples: caffe, paper, flip or none."),
    ] = "caffe",
    model: ModelOption = None,
    dataset: SizesOption = None,
    recipe: RecipeOption = None,
    weights: WeightsOption = None,
    file: PriorsOption = None,
    as_json: Json = False,
) -> None:
    """Fit sizes and ratios of priors to a data set, with no more boxes, and measure what that gains.

    Starts from the priors of a model and keeps its maps. Train with the result:
    multibox train quick --data DATA --out DIR --set model.priors=FILE
    """
    if out.suffix.lower() != ".json":
        raise UsageError(f"--out {out} has to end in .json")
    from multibox.cli.priors.table import map_table
    from multibox.data.augmentation.augmentation import find_augmentation
    from multibox.tiling.file import write_priors
    from multibox.tiling.fit import fit_priors
    from multibox.tiling.tables import gain_text

    name, start = choose_priors(model=model, sizes=dataset, recipe=recipe, weights=weights, file=file)
    chosen = None if augmented == "none" else find_augmentation(augmented)
    fitted_to, held = _parts(data, split, held_out)
    with progress_bar("searching") as progress:
        found = fit_priors(fitted_to, start, boxes=boxes, augmentation=chosen, held_out=held, progress=progress)
    about = {
        "data": fitted_to.name,
        "start": name,
        "augmentation": augmented,
        "count": {"before": start.count, "after": found.priors.count},
        "fitted": found.fitted.to_json(),
        "held_out": None if found.held_out is None else found.held_out.to_json(),
    }
    write_priors(out, found.priors, about=about)
    if as_json:
        print_json(about | {"file": str(out)})
        return
    counts = f"{start.count:,} priors of {name} before, {found.priors.count:,} after"
    parts = fitted_to.name if held is None else f"{fitted_to.name}, held out {held.name}"
    print(f"{parts}: {counts}\nobjects that some prior overlaps with an IoU of 0.5, before the guaranteed match\n")
    print(f"{gain_text(found.fitted, found.held_out)}\n\n{map_table(found.priors)}\n")
    print(f"{out}: train with --set model.priors={out}")


def _parts(data: Path, split: str | None, held_out: str) -> "tuple[Dataset, Dataset | None]":
    """What to fit to and what to hold out, which must have no image in common."""
    from multibox.data.load import load_dataset
    from multibox.tiling.fit import hold_out

    whole = load_dataset(data, split=split)
    if held_out == "none":
        return whole, None
    try:
        share = float(held_out)
    except ValueError:
        held = load_dataset(data, split=held_out)
    else:
        return hold_out(whole, share)
    common = {example.image for example in whole} & {example.image for example in held}
    if common:
        raise UsageError(
            f"--held-out {held_out}: {len(common)} of its {len(held)} images are among those to fit to; "
            "name another split, or a share such as 0.2"
        )
    return whole, held
