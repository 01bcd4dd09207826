"""`multibox train`: train a recipe on a data set."""

import os
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from multibox.cli.console import print_json, say
from multibox.cli.options import Data, Device, Json, MaxPixels, OutFolder, Settings, Stretch, Workers, check_belongs
from multibox.errors import StoppedError
from multibox.system.launcher import place

if TYPE_CHECKING:
    from multibox.cli.report_line import ReportLine
    from multibox.experiments.recipe import Recipe


def train(
    recipe: Annotated[str, typer.Argument(metavar="RECIPE", help="Name of a recipe, for example quick or ssd300-voc.")],
    *,
    data: Data,
    out: OutFolder,
    resume: Annotated[bool, typer.Option("--resume", help="Continue the run in DIR from its checkpoint.")] = False,
    accept_changes: Annotated[
        bool, typer.Option("--accept-changes", help="With --resume: continue even if the recipe or the data changed.")
    ] = False,
    split: Annotated[
        str | None, typer.Option("--split", metavar="NAME", help="Split to train on; by default the recipe's.")
    ] = None,
    holdout: Annotated[
        float | None,
        typer.Option(
            "--holdout", metavar="SHARE", help="Share of the images to score the run with, without a val split."
        ),
    ] = None,
    settings: Settings = None,
    workers: Workers = 0,
    cache: Annotated[
        int, typer.Option("--cache", min=0, metavar="MIB", help="Memory for decoded images in each process.")
    ] = 0,
    seed: Annotated[
        int | None, typer.Option("--seed", min=0, metavar="N", help="Seed of random numbers; by default the recipe's.")
    ] = None,
    device: Device = None,
    logs: Annotated[
        list[str] | None,
        typer.Option("--log", metavar="tensorboard|mlflow", help="Also log the run with this program. Repeatable."),
    ] = None,
    max_pixels: MaxPixels = None,
    stretch: Stretch = False,
    as_json: Json = False,
) -> None:
    """Train a recipe on a data set.

    DIR receives the weights (last.safetensors, and best.safetensors if the recipe validates), the metrics as JSON
    lines, the recipe, and two checkpoints. Ctrl-C ends the run after its current step with a checkpoint. Processes
    that torchrun starts with this command train together, each on its share of every batch.
    """
    from multibox.experiments.folder import summarize_run
    from multibox.experiments.train import train as run

    check_belongs("--accept-changes", accept_changes, to="--resume", given=resume)
    chosen = _chosen_recipe(recipe, settings or [], split=split, seed=seed, holdout=holdout)
    with _progress(chosen) as line:
        run(
            chosen,
            data=data,
            out=out,
            resume=resume,
            accept_changes=accept_changes,
            workers=workers,
            cache_mb=cache,
            device=device,
            logs=logs or (),
            on_report=line.report,
            on_message=line.message,
        )
    if place().first:
        if as_json:
            print_json(summarize_run(out).to_json())
        say(f"the weights are in {out}")


def _chosen_recipe(
    name: str, settings: list[str], *, split: str | None, seed: int | None, holdout: float | None
) -> "Recipe":
    from multibox.experiments.recipe import override, with_holdout
    from multibox.experiments.recipes import find_recipe

    recipe = override(find_recipe(name), settings)
    recipe = recipe if holdout is None else with_holdout(recipe, holdout)
    return replace(
        recipe,
        train_split=recipe.train_split if split is None else split,
        seed=recipe.seed if seed is None else seed,
    )


@contextmanager
def _progress(recipe: "Recipe") -> Iterator["ReportLine"]:
    """Yield the line that shows a run. Leaves cores to others; an error after Stopped shows how to continue."""
    from multibox.cli.report_line import ReportLine
    from multibox.system.sharing import sharing_cores
    from multibox.training.stopping import Stopped

    steps = recipe.schedule.iterations
    try:
        with (
            sharing_cores() as share,
            ReportLine(steps=steps, batch_size=recipe.loop.batch_size, between=share) as line,
        ):
            yield line
    except Stopped as stopped:
        raise StoppedError(
            f"stopped after step {stopped.step} of {steps}, with a checkpoint; continue with: {_resuming_command()}",
            number=stopped.number,
        ) from None


def _resuming_command() -> str:
    """Return the command of this process with --resume, quoted for a shell."""
    words = sys.argv[1:]
    launcher = "torchrun ... -m " if "TORCHELASTIC_RUN_ID" in os.environ else ""
    return launcher + shlex.join(["multibox", *words, *([] if "--resume" in words else ["--resume"])])
