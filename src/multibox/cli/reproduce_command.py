"""`multibox reproduce`: the paper's tables and figures anew."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from multibox.cli.console import complain, print_json, say, table
from multibox.cli.options import Device, Json
from multibox.errors import StoppedError, TrainingError, UsageError

if TYPE_CHECKING:
    from multibox.recipes.reproduce_plan import Step
    from multibox.recipes.reproduce_request import Request
    from multibox.recipes.tables import Table


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
    from multibox.recipes.reproduce_request import Request
    from multibox.recipes.tables import TABLES

    if name not in TABLES:
        raise UsageError(f"{name!r} is nothing to reproduce: choose one of {', '.join(TABLES)}")
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
    if plan:
        _plan(TABLES[name], request, rows=rows or [], as_json=as_json)
    else:
        _run(TABLES[name], request, rows=rows or [], as_json=as_json)


def _run(wanted: "Table", request: "Request", *, rows: list[str], as_json: bool) -> None:
    from multibox.recipes import reproduce_files as files
    from multibox.recipes.reproduce import reproduce as run
    from multibox.recipes.reproduce_plot import plot_table
    from multibox.training.stopping import Stopped

    try:
        progress = run(
            wanted, request, rows=rows, report=lambda sofar: files.write_table(wanted, sofar, request=request)
        )
    except Stopped as stopped:
        raise StoppedError("stopped, with a checkpoint; the same command goes on", number=stopped.number) from None
    try:
        plot_table(request.out / f"{wanted.name}.png", wanted, progress, stamp=request.stamp)
    except UsageError as error:
        complain(error)
    if as_json:
        print_json(files.as_json(wanted, progress, stamp=request.stamp))
    else:
        print(files.as_markdown(wanted, progress, stamp=request.stamp))
    say(f"the table is in {request.out}")
    if progress.failed:
        raise TrainingError(f"no result for {', '.join(progress.failed)}: the reasons are above, --plan lists the data")


def _plan(wanted: "Table", request: "Request", *, rows: list[str], as_json: bool) -> None:
    from multibox.recipes.reproduce_plan import plan

    steps = plan(wanted, request, rows=rows, say=say)
    if as_json:
        print_json(
            {"table": wanted.name, "rehearsal": list(request.stamp), "steps": [step.to_json() for step in steps]}
        )
        return
    print(plan_text(steps))


def plan_text(steps: "list[Step]") -> str:
    """The plan as a table, then the data with where they are, then what is missing."""
    from multibox.training.progress import clock

    lines = [("recipe", "row", "state", "pictures to see", "time here")]
    lines += [(s.recipe, s.label, s.state, f"{s.pictures:,}", clock(s.seconds)) for s in steps]
    parts = {(part.kind, part.split): part for step in steps for part in step.parts}.values()
    found = [
        f"{p.split}: {p.folder}" + (f", {p.pictures} pictures" if p.pictures else "") for p in parts if not p.problem
    ]
    missing = dict.fromkeys(problem for step in steps for problem in step.problems)
    total = clock(sum(step.seconds for step in steps))
    return "\n".join(
        [
            table(lines),
            "",
            f"{total} in all, one training after the other, without the loading of pictures; measured in small batches",
            *(f"there: {line}" for line in found),
            *(f"missing: {line}" for line in missing),
        ]
    )
