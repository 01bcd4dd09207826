"""`multibox reproduce`: the paper's tables and figures anew."""

from pathlib import Path
from typing import Annotated

import typer

from multibox.cli.console import print_json, say
from multibox.cli.options import Device, Json
from multibox.errors import TrainingError, UsageError


def reproduce(
    name: Annotated[str, typer.Argument(metavar="NAME", help="table1 to table6, or ilsvrc for section 3.5.")],
    *,
    data: Annotated[
        Path, typer.Option("--data", metavar="ROOT", help="Folder of VOCdevkit, coco and ILSVRC, or one of them.")
    ],
    rows: Annotated[
        list[str] | None,
        typer.Option("--rows", metavar="RECIPE", help="Only this row, or those like 'table3-*'. Repeatable."),
    ] = None,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="Folder for the runs and the table.")] = Path(
        "runs"
    ),
    plan: Annotated[bool, typer.Option("--plan", help="Say what would run, what it needs and how long it takes.")] = (
        False
    ),
    scale: Annotated[
        float,
        typer.Option("--scale", min=1e-6, max=1, metavar="X", help="Rehearse with this share of pictures and steps."),
    ] = 1.0,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Change every recipe, as in loop.batch_size=16. Repeatable."),
    ] = None,
    train_split: Annotated[
        str | None, typer.Option("--train-split", metavar="NAME", help="Train on this split instead.")
    ] = None,
    test_split: Annotated[
        str | None, typer.Option("--test-split", metavar="NAME", help="Test on this split instead.")
    ] = None,
    workers: Annotated[int, typer.Option("--workers", min=0, metavar="N", help="Processes that load pictures.")] = 0,
    device: Device = None,
    as_json: Json = False,
) -> None:
    """Train, evaluate and compare the rows of one of the paper's tables.

    DIR gets a folder for each row, and the table as NAME.md, NAME.json and NAME.png. Rows that are finished are not
    run again, and one that stopped goes on, so the same command can be given until all is done.
    """
    from multibox.recipes.reproduce import Progress
    from multibox.recipes.reproduce import reproduce as run
    from multibox.recipes.reproduce_files import as_json as table_json
    from multibox.recipes.reproduce_files import as_markdown, write_table
    from multibox.recipes.reproduce_request import Request
    from multibox.recipes.tables import TABLES

    if name not in TABLES:
        raise UsageError(f"{name!r} is nothing to reproduce: choose one of {', '.join(TABLES)}")
    table = TABLES[name]
    request = Request(
        data,
        out,
        scale=scale,
        settings=tuple(settings or ()),
        train_split=train_split,
        test_split=test_split,
        workers=workers,
        device=device,
    )

    def report(progress: Progress) -> None:
        write_table(table, progress, folder=out, stamp=request.stamp)

    progress = run(table, request, rows=rows or (), report=report)
    if as_json:
        print_json(table_json(table, progress, stamp=request.stamp))
    else:
        print(as_markdown(table, progress, stamp=request.stamp))
    say(f"the table is in {out}")
    if progress.failed:
        raise TrainingError(f"{len(progress.failed)} rows have no result: {', '.join(progress.failed)}")
