"""`multibox demo`: the whole system on generated images."""

from pathlib import Path
from typing import Annotated

import typer

from multibox.cli.console import print_json, say
from multibox.cli.options import Json


def demo(
    *,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="Folder for all files of the demo.")] = Path(
        "demo"
    ),
    as_json: Json = False,
) -> None:
    """Draw images, train a detector on them, evaluate it, and write one HTML report. Takes a few minutes."""
    from multibox.cli.report_line import ReportLine
    from multibox.experiments.demo import demo as demo_recipe
    from multibox.experiments.demo import run_demo
    from multibox.system.sharing import sharing_cores

    recipe = demo_recipe()
    steps, images = recipe.schedule.iterations, recipe.loop.batch_size
    with sharing_cores() as share, ReportLine(steps=steps, batch_size=images, between=share) as line:
        result = run_demo(out, recipe=recipe, on_report=line.report, on_message=line.message)
    if as_json:
        print_json(result.to_json())
    else:
        print(result.evaluation.table())
    say(f"the report is {result.report}, the weights are {result.weights}")
