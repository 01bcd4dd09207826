"""`multibox reproduce`: reproduce the paper's tables and figures."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from multibox.cli.console import complain, print_json, say
from multibox.cli.console import table as aligned
from multibox.cli.options import Device, Json, Settings, Workers
from multibox.errors import DataError, StoppedError, TrainingError, UsageError
from multibox.system.program import check_program
from multibox.words import counted, listed

if TYPE_CHECKING:
    from multibox.paper.outcome import Results
    from multibox.paper.plan import PlannedTraining
    from multibox.paper.request import Request
    from multibox.paper.tables import Table

SPEED_TABLE = "table7"


def reproduce(
    name: Annotated[
        str,
        typer.Argument(metavar="NAME", help="table1 to table7, ilsvrc for section 3.5, figure3 to figure6."),
    ],
    *,
    data: Annotated[
        Path | None,
        typer.Option("--data", "-d", metavar="PATH", help="Folder of VOCdevkit, coco and ILSVRC, or one of them."),
    ] = None,
    rows: Annotated[
        list[str] | None,
        typer.Option(
            "--rows",
            metavar="RECIPE",
            help="Only this row, or the rows that match a pattern such as 'table3-*'. Repeatable.",
        ),
    ] = None,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="Folder for the runs and the table.")] = (
        Path("runs")
    ),
    plan: Annotated[
        bool, typer.Option("--plan", help="Print what would run, what it needs and how long it would take here.")
    ] = False,
    measure: Annotated[
        bool, typer.Option("--measure", help="With --plan: measure steps of each network; takes minutes on a CPU.")
    ] = False,
    scale: Annotated[
        float,
        typer.Option("--scale", min=1e-6, max=1, metavar="X", help="Rehearse with this share of the images and steps."),
    ] = 1.0,
    settings: Settings = None,
    train_split: Annotated[
        str | None, typer.Option("--train-split", metavar="NAME", help="Train on this split instead.")
    ] = None,
    test_split: Annotated[
        str | None, typer.Option("--test-split", metavar="NAME", help="Test on this split instead.")
    ] = None,
    weights: Annotated[
        list[str] | None,
        typer.Option("--weights", "-w", metavar="FILE", help="For figures and table7: trained detectors. Repeatable."),
    ] = None,
    peers: Annotated[
        str | None,
        typer.Option(
            "--peers",
            metavar="PYTHON",
            help="For table7: Python of an environment with torchvision, whose detectors are measured too.",
        ),
    ] = None,
    workers: Workers = 0,
    device: Device = None,
    as_json: Json = False,
) -> None:
    """Reproduce a table or figure of the paper: train, test and compare.

    DIR gets a folder for each training, and the table as NAME.md, NAME.json and NAME.png, or a folder NAME with the
    figures. Finished trainings are not repeated and stopped ones continue, so you can repeat the same command until
    everything is finished. Everything that differs from the paper's experiment is marked as a rehearsal.
    """
    from multibox.paper.request import Request

    _check(name, data=data, has_rows=bool(rows), has_weights=bool(weights))
    _check_options(name, measure=measure, plan=plan, peers=peers)
    if name == SPEED_TABLE:
        splits = {"--train-split": train_split, "--test-split": test_split}
        _check_speed_options({"--set": settings, "--scale": scale < 1, "--workers": workers, **splits})
    request = Request(
        data or Path(),
        out,
        scale=scale,
        settings=tuple(settings or ()),
        train_split=train_split,
        test_split=test_split,
        workers=workers,
        device=device,
    )
    if plan:
        _plan(name, request, rows=rows or [], measure=measure, as_json=as_json)
    else:
        _run(name, request, rows=rows or [], weights=weights or [], peers=peers, as_json=as_json)


def _check(name: str, *, data: Path | None, has_rows: bool, has_weights: bool) -> None:
    """UsageError for several processes, for an unknown name, and for options that do not fit the name."""
    from multibox.paper.figures import FIGURES
    from multibox.paper.tables import TABLES
    from multibox.system.launcher import place

    if place().count > 1:
        raise UsageError(
            "reproduce is one process: train rows with torchrun ... -m multibox train RECIPE --out DIR/RECIPE, "
            "then reproduce takes them from there"
        )
    known = [*TABLES, SPEED_TABLE, *FIGURES]
    if name not in known:
        raise UsageError(f"{name!r} cannot be reproduced: choose one of {', '.join(known)}")
    if data is None and name != SPEED_TABLE:
        raise UsageError(f"{name} needs images: give --data PATH, the folder of VOCdevkit, coco or ILSVRC")
    if data is not None and not data.exists():
        raise DataError(f"{data} does not exist; give the folder of VOCdevkit, coco or ILSVRC")
    if has_weights and name in TABLES:
        raise UsageError(f"--weights does not fit {name}, whose rows are trained: use `multibox evaluate` for weights")
    if has_rows and name not in TABLES:
        raise UsageError(f"--rows does not fit {name}: leave it out")


def _check_options(name: str, *, measure: bool, plan: bool, peers: str | None) -> None:
    """UsageError for an option that means nothing without another one, or for this name."""
    if measure and not plan:
        raise UsageError("--measure belongs to --plan: give both, or neither")
    if peers is not None and name != SPEED_TABLE:
        raise UsageError(f"--peers does not fit {name}, only {SPEED_TABLE} measures speed: leave it out")
    if peers is not None:
        check_program(peers, what="the Python of an environment with torchvision")


def _check_speed_options(given: Mapping[str, object]) -> None:
    """UsageError for an option of trainings and data with the table of speeds, which has neither."""
    for option, value in given.items():
        if value:
            raise UsageError(
                f"{option} does not fit {SPEED_TABLE}, which measures speed and reads no data: leave it out"
            )


def _run(
    name: str, request: "Request", *, rows: list[str], weights: list[str], peers: str | None, as_json: bool
) -> None:
    from multibox.training.stopping import Stopped

    try:
        if name == SPEED_TABLE:
            _speed(request, weights=weights, peers=peers, as_json=as_json)
        elif name.startswith("figure"):
            _figure(name, request, weights=weights, as_json=as_json)
        else:
            _table(name, request, rows=rows, as_json=as_json)
    except Stopped as stopped:
        raise StoppedError("stopped, with a checkpoint; the same command continues", number=stopped.number) from None


def _table(name: str, request: "Request", *, rows: list[str], as_json: bool) -> None:
    from multibox.cli.report_line import ReportLines
    from multibox.paper.reproduce import reproduce as reproduce_table
    from multibox.paper.tables import TABLES
    from multibox.paper.write import write_table

    table = TABLES[name]

    def write(so_far: "Results") -> None:
        write_table(table, so_far, request=request)

    lines = ReportLines()
    results = reproduce_table(
        table, request, rows=rows, on_results=write, on_message=lines.message, on_report=lines.report
    )
    _show(table, results, request, as_json=as_json)
    if results.failed:
        raise _without_results(results)


def _without_results(results: "Results") -> TrainingError:
    """The error for rows that have no result, with the reason if all have the same."""
    reasons = list(dict.fromkeys(results.failed.values()))
    why = reasons[0] if len(reasons) == 1 else f"{reasons[0]} (and {counted(len(reasons) - 1, 'other reason')}, above)"
    return TrainingError(f"no result for {listed(results.failed)}: {why}; --plan lists the data")


def _speed(request: "Request", *, weights: list[str], peers: str | None, as_json: bool) -> None:
    from multibox.paper.speed import reproduce_speed
    from multibox.paper.write import write_table

    table, results, measured = reproduce_speed(request, weights=weights, peers=peers)
    write_table(table, results, request=request, measured=measured)
    _show(table, results, request, as_json=as_json, measured=measured)


def _show(
    table: "Table", results: "Results", request: "Request", *, as_json: bool, measured: dict[str, Any] | None = None
) -> None:
    """Write the chart into the folder, and the table to standard output."""
    from multibox.paper import write
    from multibox.paper.plot import plot_table

    try:
        plot_table(request.out / f"{table.name}.png", table, results, stamp=request.stamp)
    except UsageError as error:
        complain(error)
    if as_json:
        print_json(write.as_json(table, results, stamp=request.stamp, measured=measured))
    else:
        print(write.as_markdown(table, results, stamp=request.stamp))
    say(f"the table is in {request.out}")


def _figure(name: str, request: "Request", *, weights: list[str], as_json: bool) -> None:
    from multibox.paper.figures import FIGURES
    from multibox.paper.reproduce_figure import reproduce_figure

    files = reproduce_figure(FIGURES[name], request, weights=weights, on_message=say)
    if as_json:
        folders, names = [str(file.parent) for file in files], [str(file) for file in files]
        print_json({"figure": name, "rehearsal": list(request.stamp) or None, "folders": folders, "files": names})
        return
    for file in files:
        print(file)


def _plan(name: str, request: "Request", *, rows: list[str], measure: bool, as_json: bool) -> None:
    from multibox.paper.figures import FIGURES
    from multibox.paper.plan import plan
    from multibox.paper.tables import TABLES

    if name == SPEED_TABLE:
        say("table7 trains nothing and needs no data: it measures SSD300, SSD512 and SSDLite320 here, in minutes")
        steps = []
    else:
        table = TABLES.get(name) or FIGURES[name].table
        steps = plan(table, request, rows=rows, measure=measure, on_message=say)
    if as_json:
        print_json({"name": name, "rehearsal": list(request.stamp) or None, "steps": [s.to_json() for s in steps]})
    elif steps:
        print(_plan_text(steps, measured=measure))


def _plan_text(steps: "list[PlannedTraining]", *, measured: bool) -> str:
    """The plan as a table, then the data that were found, then what is missing."""
    lines: list[tuple[str, ...]] = [("recipe", "row", "state", "images to see", "time here")]
    lines += [(s.recipe, s.label, s.state, f"{s.images:,}", _duration(s.seconds)) for s in steps]
    splits = {(needed.family, needed.split): needed for step in steps for needed in step.splits}.values()
    found = [f"{s.split}: {s.folder}" + (f", {s.images} images" if s.images else "") for s in splits if not s.problem]
    missing = dict.fromkeys(problem for step in steps for problem in step.problems)
    origin = "measured in small batches" if measured else "estimated from counted operations (--measure measures)"
    total = _duration(sum(step.seconds for step in steps))
    return "\n".join(
        [
            aligned(lines),
            "",
            f"{total} in all, one training after the other, without loading images; {origin}",
            *(f"found: {line}" for line in found),
            *(f"missing: {line}" for line in missing),
        ]
    )


def _duration(seconds: float) -> str:
    """Return hours, minutes and seconds, or days if there are more than two."""
    from multibox.cli.report_line import duration

    return f"{seconds / 86_400:.1f} days" if seconds > 2 * 86_400 else duration(seconds)
