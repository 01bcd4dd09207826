"""`multibox bench table7`: the paper's table of speeds, with rows of this machine."""

from dataclasses import asdict
from typing import Annotated, Any

import typer

from multibox.cli.bench.options import Batches, Images, Rounds, batch_sizes, images_to_time, set_threads
from multibox.cli.console import print_json, progress_bar, say, table
from multibox.cli.options import Device, Json, Threads
from multibox.detection.engines.load import PRECISIONS
from multibox.words import counted


def table7(
    *,
    weights: Annotated[
        list[str] | None,
        typer.Option(
            "--weights", "-w", metavar="FILE", help="Weights of a detector instead of the three models. Repeatable."
        ),
    ] = None,
    images: Images = None,
    batches: Batches = "1,8",
    precision: Annotated[
        str | None,
        typer.Option(
            "--precision",
            metavar="|".join(PRECISIONS),
            help="Number type of the convolutions; by default the faster one.",
        ),
    ] = None,
    candidates: Annotated[
        int,
        typer.Option("--candidates", min=1, metavar="N", help="Scores above the threshold, with random weights."),
    ] = 500,
    rounds: Rounds = 5,
    threads: Threads = None,
    device: Device = None,
    as_json: Json = False,
) -> None:
    """Measure Table 7 of the paper: frames per second of SSD300 and SSD512, and of SSDLite320.

    A frame goes from pixels of the input size in memory to boxes; decoding and resizing do not count. Without --weights
    the weights are random, and postprocessing runs on synthetic outputs with --candidates scores above the threshold.
    --images are for the detectors of --weights.
    """
    from multibox.bench.table7 import bench_table7

    set_threads(threads)
    sizes = batch_sizes(batches)
    with progress_bar("measuring") as advance:
        result = bench_table7(
            weights=weights or [],
            images=images_to_time(images) if weights or images else [],
            batches=sizes,
            device=device,
            precision=precision,
            candidates=candidates,
            rounds=rounds,
            progress=advance,
        )
    result["paper"] = _paper()
    if as_json:
        print_json(result)
    else:
        _introduce(result)
        print(_text(result))


def _introduce(result: dict[str, Any]) -> None:
    computer, rate = result["machine"], result["matrix_product_giga_operations_per_second"]
    say(f"{result['device']}; {counted(computer['threads'], 'thread')}, load {computer['load']:.1f}")
    say(f"{result['engine']}; matrix products: {rate:.0f} GFLOP/s in {result['precision']}")


def _paper() -> dict[str, Any]:
    """The paper's rows for SSD, and the numbers in its text for SSD300 with 20 classes."""
    from multibox.paper.printed import TABLE7

    rows = [asdict(row) for row in TABLE7 if row.method.startswith("SSD")]
    return {"device": "Titan X (Maxwell)", "rows": rows, "nms_milliseconds": 1.7, "share_of_base": 0.8}


def _text(result: dict[str, Any]) -> str:
    sizes = list(result["rows"][0]["batches"])
    rows: list[tuple[str, ...]] = [
        ("method", *(f"FPS, batch {size}" for size in sizes), "boxes", "input", "NMS, ms", "candidates", "base")
    ]
    for row in result["rows"]:
        rows += [_ours(row, sizes), *_printed(row["model"], result["paper"], sizes)]
    return table(rows)


def _ours(row: dict[str, Any], sizes: list[str]) -> tuple[str, ...]:
    height, width = row["input_size"]
    first = row["batches"][sizes[0]]
    return (
        f"{row['model']}, {row['weights']}",
        *(f"{row['batches'][size]['fps']:.3g}" for size in sizes),
        str(row["boxes"]),
        f"{width} x {height}",
        f"{first['milliseconds_per_image']['nms']:.2f}",
        f"{row['candidates_per_image']:.0f}",
        f"{100 * first['share_of_base']:.0f} %",
    )


def _printed(model: str, paper: dict[str, Any], sizes: list[str]) -> list[tuple[str, ...]]:
    """The paper's row for the same model, if there is one."""
    known = [row for row in paper["rows"] if row["method"].lower() == model]
    if not known:
        return []
    fps = {str(row["batch"]): str(row["frames_per_second"]) for row in known}
    told = model == "ssd300"
    nms, share = f"{paper['nms_milliseconds']:.2f}", f"{100 * paper['share_of_base']:.0f} %"
    start = ("  paper, Titan X", *(fps.get(size, "") for size in sizes), str(known[0]["boxes"]), known[0]["input_size"])
    return [(*start, nms if told else "", "", share if told else "")]
