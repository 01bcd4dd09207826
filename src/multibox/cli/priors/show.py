"""`multibox priors show`: the maps of a model with their priors, as a table, JSON or a drawing."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from multibox.cli.console import print_json, say
from multibox.cli.options import Json
from multibox.cli.priors.cover import cover
from multibox.cli.priors.fit import fit
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
    from multibox.priors import PriorSpec

app = typer.Typer(help="Show priors, measure what they cover, and fit them to a data set.", no_args_is_help=True)
app.command(short_help="Show which objects of a data set no prior covers.")(cover)
app.command(short_help="Fit sizes and ratios of priors to a data set.")(fit)


@app.callback()
def priors_callback() -> None:
    """Show the priors of a model, measure which objects of a data set they cover, and fit them to it."""


@app.command()
def show(
    *,
    model: ModelOption = None,
    sizes: SizesOption = None,
    recipe: RecipeOption = None,
    weights: WeightsOption = None,
    priors: PriorsOption = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE", help="Draw the priors of the middle cell of each map.")
    ] = None,
    image: Annotated[
        Path | None, typer.Option("--image", metavar="FILE", help="Draw them on this image instead of a plain sheet.")
    ] = None,
    cells: Annotated[
        list[str] | None,
        typer.Option(
            "--cells", metavar="MAP:ROW,COLUMN", help="Draw these cells, counted from 1, such as 2:10,4. Repeatable."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Show the priors of a model.

    Prints a table of its maps, or with --json {"count": N, "priors": [[cx, cy, w, h], ...]}, relative to the input and
    in the official order: map, row, column, box.
    """
    from multibox.cli.priors.table import map_table
    from multibox.priors import make_priors

    name, spec = choose_priors(model=model, sizes=sizes, recipe=recipe, weights=weights, priors=priors)
    if out is not None:
        _draw(spec, out, image=image, cells=cells)
    elif image is not None or cells:
        raise UsageError("--image and --cells need a drawing: add --out FILE")
    if as_json:
        print_json({"count": spec.count, "priors": make_priors(spec).tolist()})
        return
    height, width = spec.input_size
    print(f"{spec.count} priors of {name} at {width} x {height}; sizes and steps in pixels of this input\n")
    print(map_table(spec))


def _draw(spec: "PriorSpec", out: Path, *, image: Path | None, cells: list[str] | None) -> None:
    from multibox.images.decode import read_image
    from multibox.images.write import require_image_suffix, write_image
    from multibox.tiling.panels import draw_priors

    require_image_suffix(out)
    chosen = _parse_cells(cells) if cells else None
    drawn = draw_priors(spec, image=None if image is None else read_image(image), cells=chosen)
    write_image(out, drawn)
    say(f"drawn in {out}")


def _parse_cells(cells: list[str]) -> dict[int, list[tuple[int, int]]]:
    """(row, column) of cells by the number of their map, all counted from 0."""
    parsed: dict[int, list[tuple[int, int]]] = {}
    for text in cells:
        try:
            number, row, column = (int(part) - 1 for part in text.replace(":", ",").split(","))
        except ValueError:
            raise UsageError(f"--cells {text} is not a cell; write MAP:ROW,COLUMN, for example 2:10,4") from None
        parsed.setdefault(number, []).append((row, column))
    return parsed
