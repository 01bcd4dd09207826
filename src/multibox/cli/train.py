"""`multibox train`: train a recipe on a data set."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from multibox.cli.console import say
from multibox.cli.options import Device
from multibox.cli.repeat import repeated
from multibox.system.launcher import place


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
    accept_changes: Annotated[
        bool, typer.Option("--accept-changes", help="With --resume: go on though the recipe or the data changed.")
    ] = False,
    split: Annotated[
        str | None, typer.Option("--split", metavar="NAME", help="Part of the data set to train on; else the recipe's.")
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="KEY=VALUE", help="Change the recipe, as in schedule.iterations=2000. Repeatable."
        ),
    ] = None,
    workers: Annotated[int, typer.Option("--workers", min=0, metavar="N", help="Processes that load images.")] = 0,
    cache: Annotated[
        int, typer.Option("--cache", min=0, metavar="MIB", help="Memory for decoded images in each process.")
    ] = 0,
    seed: Annotated[int | None, typer.Option("--seed", help="Seed of all random numbers; else the recipe's.")] = None,
    device: Device = None,
) -> None:
    """Train a recipe on a data set.

    DIR receives the weights (last.safetensors, and best.safetensors where the recipe validates), the metrics as JSON
    lines, the recipe, and two checkpoints to go on from. Ctrl-C ends the run after its current step with a checkpoint.
    Processes that torchrun starts with this command train as one, each on its share of every batch.
    """
    from multibox.errors import StoppedError
    from multibox.experiments.recipe import override
    from multibox.experiments.recipes import find_recipe
    from multibox.experiments.train import train as run
    from multibox.system.device import choose_device
    from multibox.training.stopping import Stopped

    chosen = override(find_recipe(recipe), settings or [])
    if split is not None:
        chosen = replace(chosen, train_split=split)
    if seed is not None:
        chosen = replace(chosen, seed=seed)
    target = str(choose_device(device))
    try:
        run(
            chosen,
            data=data,
            out=out,
            resume=resume,
            accept_changes=accept_changes,
            workers=workers,
            cache_mb=cache,
            device=target,
        )
    except Stopped as stopped:
        raise StoppedError(
            f"stopped after step {stopped.step} of {chosen.schedule.iterations}, with a checkpoint; "
            f"go on with: {repeated(also='--resume')}",
            number=stopped.number,
        ) from None
    if place().first:
        say(f"the weights are in {out}")
