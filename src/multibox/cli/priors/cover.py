"""`multibox priors cover`: the objects of a data set that no prior covers."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from multibox.cli.console import print_json, progress_bar, say
from multibox.cli.options import Json, Split
from multibox.cli.priors.source import (
    ModelOption,
    PriorsOption,
    RecipeOption,
    SizesOption,
    WeightsOption,
    choose_priors,
)

if TYPE_CHECKING:
    from multibox.data.dataset import Dataset
    from multibox.priors import PriorSpec
    from multibox.tiling.coverage import Coverage


def cover(
    data: Annotated[Path, typer.Argument(metavar="DATA", help="Data set: a folder or an annotation file.")],
    *,
    split: Split = None,
    model: ModelOption = None,
    sizes: SizesOption = None,
    recipe: RecipeOption = None,
    weights: WeightsOption = None,
    priors: PriorsOption = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="DIR", help="Folder for drawings of the missed objects and all shapes."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Show which objects of a data set no prior overlaps with an IoU of 0.5.

    Such an object still gets its best prior in matching, but learns from that one alone. The objects are those of whole
    images resized to the model's input, without augmentation.
    """
    from multibox.data.load import load_dataset
    from multibox.tiling.coverage import measure_coverage
    from multibox.tiling.missed import missed_objects
    from multibox.tiling.tables import coverage_text

    name, spec = choose_priors(model=model, sizes=sizes, recipe=recipe, weights=weights, priors=priors)
    dataset = load_dataset(data, split=split)
    with progress_bar("measuring") as progress:
        coverage = measure_coverage(dataset, spec, max_images=len(dataset), progress=progress)
    if out is not None:
        _draw_coverage(coverage, dataset, spec, out, name=name)
    if as_json:
        missed = [item.to_json() for item in missed_objects(coverage, dataset)]
        print_json({"data": dataset.name, "model": name, **coverage.to_json(), "missed": missed})
    else:
        print(coverage_text(coverage, dataset, model=name))


def _draw_coverage(coverage: "Coverage", dataset: "Dataset", spec: "PriorSpec", folder: Path, *, name: str) -> None:
    from multibox.images.write import write_image
    from multibox.tiling.missed import missed_objects
    from multibox.tiling.missed_sheet import draw_missed
    from multibox.tiling.scatter import plot_coverage

    folder.mkdir(parents=True, exist_ok=True)
    plot_coverage(folder / "shapes.png", coverage, spec, title=f"{dataset.name} and the priors of {name}")
    say(f"image: {folder / 'shapes.png'}")
    sheet = draw_missed(missed_objects(coverage, dataset), spec)
    if sheet is not None:
        write_image(folder / "missed.jpg", sheet)
        say(f"image: {folder / 'missed.jpg'}")
