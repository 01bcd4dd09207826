"""`multibox reproduce`: the paper's tables and figures anew."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from multibox.cli.console import complain, print_json, say
from multibox.cli.console import table as aligned
from multibox.cli.options import Device, Json
from multibox.errors import TrainingError, UsageError

if TYPE_CHECKING:
    from multibox.paper.outcome import Progress
    from multibox.paper.plan import Step
    from multibox.paper.request import Request
    from multibox.paper.tables import Table


def reproduce(
    name: Annotated[
        str,
        typer.Argument(metavar="NAME", help="table1 to table7, ilsvrc for section 3.5, figure3, figure4 or figure6."),
    ],
    *,
    data: Annotated[
        Path | None,
        typer.Option("--data", metavar="ROOT", help="Folder of VOCdevkit, coco and ILSVRC, or one of them."),
    ] = None,
    rows: Annotated[
        list[str] | None,
        typer.Option("--rows", metavar="RECIPE", help="Only this row, or those like 'table3-*'. Repeatable."),
    ] = None,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="Folder for the runs and the table.")] = (
        Path("runs")
    ),
    plan: Annotated[
        bool, typer.Option("--plan", help="Say what would run, what it needs and how long it would take here.")
    ] = False,
    scale: Annotated[
        float, typer.Option("--scale", min=1e-6, max=1, metavar="X", help="Rehearse with this share of all.")
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
    weights: Annotated[
        list[str] | None,
        typer.Option("--weights", "-w", metavar="FILE", help="For figures and table7: detectors that are trained."),
    ] = None,
    workers: Annotated[int, typer.Option("--workers", min=0, metavar="N", help="Processes that load images.")] = 0,
    device: Device = None,
    as_json: Json = False,
) -> None:
    """Train, evaluate and compare what one of the paper's tables or figures shows.

    DIR gets a folder for each training, and the table as NAME.md, NAME.json and NAME.png, or the figures in a folder
    NAME. What is finished is not run again and what stopped goes on, so the same command can be given until all is
    done. Everything that is not the paper's experiment is marked as a rehearsal.
    """
    from multibox.errors import StoppedError
    from multibox.paper.request import Request
    from multibox.training.stopping import Stopped

    request = Request(
        _checked(name, data=data, rows=rows, weights=weights),
        out,
        scale=scale,
        settings=tuple(settings or ()),
        train_split=train_split,
        test_split=test_split,
        workers=workers,
        device=device,
    )
    try:
        if plan:
            _plan(name, request, rows=rows or [], as_json=as_json)
        elif name == "table7":
            _speed(request, weights=weights or [], as_json=as_json)
        elif name.startswith("figure"):
            _figure(name, request, weights=weights or [], as_json=as_json)
        else:
            _table(name, request, rows=rows or [], as_json=as_json)
    except Stopped as stopped:
        raise StoppedError("stopped, with a checkpoint; the same command goes on", number=stopped.number) from None


def _checked(name: str, *, data: Path | None, rows: list[str] | None, weights: list[str] | None) -> Path:
    """The root of the data; UsageError for a name that is not known and for options that do not go with it."""
    from multibox.paper.figures import FIGURES
    from multibox.paper.tables import TABLES
    from multibox.system.launcher import place

    if place().count > 1:
        raise UsageError(
            "reproduce is one process: train rows with torchrun ... -m multibox train RECIPE --out DIR/RECIPE, "
            "then reproduce takes them from there"
        )
    known = [*TABLES, "table7", *FIGURES]
    if name not in known:
        raise UsageError(f"{name!r} is nothing to reproduce: choose one of {', '.join(known)}")
    if data is None and name != "table7":
        raise UsageError(f"{name} needs images: give --data ROOT, the folder of VOCdevkit, coco or ILSVRC")
    if weights and name in TABLES:
        raise UsageError(f"--weights do not go with {name}, whose rows are trained: use `multibox evaluate` for them")
    if rows and name not in TABLES:
        raise UsageError(f"--rows do not go with {name}: leave them out")
    return data or Path()


def _table(name: str, request: "Request", *, rows: list[str], as_json: bool) -> None:
    from multibox.paper.files import write_table
    from multibox.paper.reproduce import reproduce as run
    from multibox.paper.tables import TABLES

    table = TABLES[name]
    progress = run(table, request, rows=rows, report=lambda sofar: write_table(table, sofar, request=request))
    _show(table, progress, request, as_json=as_json)
    if progress.failed:
        raise TrainingError(f"no result for {', '.join(progress.failed)}: the reasons are above, --plan lists the data")


def _speed(request: "Request", *, weights: list[str], as_json: bool) -> None:
    from multibox.paper.files import write_table
    from multibox.paper.speed import reproduce_speed

    table, progress, measured = reproduce_speed(request, weights=weights)
    write_table(table, progress, request=request, measured=measured)
    _show(table, progress, request, as_json=as_json, measured=measured)


def _show(
    table: "Table", progress: "Progress", request: "Request", *, as_json: bool, measured: dict[str, Any] | None = None
) -> None:
    """The image into the folder, the table on standard output."""
    from multibox.paper import files as files
    from multibox.paper.plot import plot_table

    try:
        plot_table(request.out / f"{table.name}.png", table, progress, stamp=request.stamp)
    except UsageError as error:
        complain(error)
    if as_json:
        print_json(files.as_json(table, progress, stamp=request.stamp, measured=measured))
    else:
        print(files.as_markdown(table, progress, stamp=request.stamp))
    say(f"the table is in {request.out}")


def _figure(name: str, request: "Request", *, weights: list[str], as_json: bool) -> None:
    from multibox.evaluation.analysis.folder import REPORT
    from multibox.paper.figure import reproduce_figure
    from multibox.paper.figures import FIGURES

    folders = reproduce_figure(FIGURES[name], request, weights=weights)
    if as_json:
        print_json({"figure": name, "rehearsal": list(request.stamp) or None, "folders": [str(f) for f in folders]})
        return
    for folder in folders:
        print(folder / REPORT)


def _plan(name: str, request: "Request", *, rows: list[str], as_json: bool) -> None:
    from multibox.paper.figures import FIGURES
    from multibox.paper.plan import plan
    from multibox.paper.tables import TABLES

    if name == "table7":
        say("table7 trains nothing and needs no data: it measures SSD300, SSD512 and SSDLite320 here, in minutes")
        steps = []
    else:
        steps = plan(TABLES.get(name) or FIGURES[name].table, request, rows=rows, say=say)
    if as_json:
        print_json({"name": name, "rehearsal": list(request.stamp) or None, "steps": [s.to_json() for s in steps]})
    elif steps:
        print(plan_text(steps))


def plan_text(steps: "list[Step]") -> str:
    """The plan as a table, then the data with where they are, then what is missing."""
    lines: list[tuple[str, ...]] = [("recipe", "row", "state", "images to see", "time here")]
    lines += [(s.recipe, s.label, s.state, f"{s.images:,}", _duration(s.seconds)) for s in steps]
    parts = {(part.kind, part.split): part for step in steps for part in step.parts}.values()
    found = [f"{p.split}: {p.folder}" + (f", {p.images} images" if p.images else "") for p in parts if not p.problem]
    missing = dict.fromkeys(problem for step in steps for problem in step.problems)
    total = _duration(sum(step.seconds for step in steps))
    return "\n".join(
        [
            aligned(lines),
            "",
            f"{total} in all, one training after the other, without the loading of images; measured in small batches",
            *(f"there: {line}" for line in found),
            *(f"missing: {line}" for line in missing),
        ]
    )


def _duration(seconds: float) -> str:
    """Hours, minutes and seconds, or days where there are many."""
    from multibox.training.progress import clock

    return f"{seconds / 86_400:.1f} days" if seconds > 2 * 86_400 else clock(seconds)
