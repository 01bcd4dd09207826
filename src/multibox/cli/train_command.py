"""`multibox train`: train a recipe on a data set."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from multibox.cli.console import say
from multibox.cli.options import Device


def train(
    recipe: Annotated[
        str, typer.Argument(metavar="RECIPE", help="Name of the experiment, such as quick or ssd300-voc.")
    ],
    *,
    data: Annotated[Path, typer.Option("--data", metavar="PATH", help="Data set: a folder or annotation file.")],
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="DIR", help="Folder for weights, metrics and checkpoint.")
    ],
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in DIR from its checkpoint.")] = False,
    split: Annotated[
        str | None, typer.Option("--split", metavar="NAME", help="Part of the data set to train on; else the recipe's.")
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="KEY=VALUE", help="Change the recipe, as in schedule.iterations=2000. Repeatable."
        ),
    ] = None,
    workers: Annotated[int, typer.Option("--workers", min=0, metavar="N", help="Processes that load pictures.")] = 0,
    cache: Annotated[
        int, typer.Option("--cache", min=0, metavar="MIB", help="Memory for decoded pictures in each process.")
    ] = 0,
    seed: Annotated[int | None, typer.Option("--seed", help="Seed of all random numbers; else the recipe's.")] = None,
    device: Device = None,
) -> None:
    """Train a recipe on a data set.

    DIR receives the weights (last.safetensors, and best.safetensors where the recipe validates), the metrics as JSON
    lines, the recipe, and a checkpoint to go on from.
    """
    from multibox.device import choose_device
    from multibox.recipes import find_recipe
    from multibox.recipes.recipe import override
    from multibox.recipes.run import train as run

    chosen = override(find_recipe(recipe), settings or [])
    if split is not None:
        chosen = replace(chosen, train_split=split)
    if seed is not None:
        chosen = replace(chosen, seed=seed)
    target = str(choose_device(device))
    try:
        run(chosen, data=data, out=out, resume=resume, workers=workers, cache_mb=cache, device=target)
    except KeyboardInterrupt:
        say("\nstopped; the same command with --resume goes on from the last checkpoint")
        raise
    say(f"the weights are in {out}")
