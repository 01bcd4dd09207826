"""`multibox priors`: look at the default boxes of a model."""

from enum import StrEnum
from itertools import starmap
from typing import TYPE_CHECKING, Annotated

import typer

from multibox.cli.console import print_json, table
from multibox.cli.options import Json

if TYPE_CHECKING:
    from multibox.priors import PriorMap, PriorSpec

app = typer.Typer(help="Look at the default boxes of a model.", no_args_is_help=True)


class Model(StrEnum):
    """Models with known priors."""

    ssd300 = "ssd300"
    ssd512 = "ssd512"
    ssdlite320 = "ssdlite320"


class Sizes(StrEnum):
    """Data sets that the official sizes were chosen for."""

    voc = "voc"
    coco = "coco"


@app.callback()
def priors() -> None:
    """Look at the default boxes of a model."""


@app.command()
def show(
    *,
    model: Annotated[Model, typer.Option("--model", help="The model.")] = Model.ssd300,
    dataset: Annotated[Sizes, typer.Option("--dataset", help="The sizes for VOC or COCO; ssdlite320 has one set.")] = (
        Sizes.voc
    ),
    as_json: Json = False,
) -> None:
    """Show the priors of a model.

    Prints a table of its maps, or with --json {"count": N, "priors": [[cx, cy, w, h], ...]}, relative to the input and
    in the official order: map, row, column, box.
    """
    from multibox.priors import make_priors

    spec = _spec(model, dataset)
    if as_json:
        print_json({"count": spec.count, "priors": make_priors(spec).tolist()})
        return
    height, width = spec.input_size
    print(f"{spec.count} priors of {model.value} at {width} x {height}; sizes and steps in pixels of this input\n")
    print(
        table(
            [
                ("map", "cells", "step", "sizes", "ratios", "per cell", "priors"),
                *starmap(_row, enumerate(spec.maps, start=1)),
            ]
        )
    )


def _spec(model: Model, dataset: Sizes) -> "PriorSpec":
    from multibox.models.config import ssd300_config, ssd512_config, ssdlite320_config

    if model is Model.ssdlite320:
        return ssdlite320_config().priors
    build = ssd300_config if model is Model.ssd300 else ssd512_config
    return build(dataset=dataset.value).priors


def _row(number: int, source: "PriorMap") -> tuple[str, ...]:
    rows, columns = source.cells
    sizes = [source.min_size] if source.max_size is None else [source.min_size, source.max_size]
    ratios = ["1", *(f"{r:g} 1/{r:g}" for r in source.ratios)]
    steps = dict.fromkeys(f"{step:g}" for step in source.step)
    return (
        str(number),
        f"{rows} x {columns}",
        " x ".join(steps),
        " - ".join(f"{size:g}" for size in sizes),
        " ".join(ratios),
        str(source.boxes_per_cell),
        str(source.count),
    )
