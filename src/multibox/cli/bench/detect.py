"""`multibox bench detect`: the time of detection with each engine."""

from typing import Annotated, Any

import typer

from multibox.cli.bench.options import Batches, Images, Rounds, batch_sizes, images_to_time, set_threads
from multibox.cli.console import print_json, progress_bar, say, table
from multibox.cli.options import Json, Threads
from multibox.detection.engines.load import ENGINE_NAMES
from multibox.words import counted


def detect(
    *,
    weights: Annotated[
        list[str],
        typer.Option("--weights", "-w", metavar="FILE", help="Weight file or exported model. Repeat it to compare."),
    ],
    engine: Annotated[
        str | None,
        typer.Option(
            "--engine", metavar="|".join(ENGINE_NAMES), help="Engine to measure; by default all that can run the file."
        ),
    ] = None,
    batches: Batches = "1,8",
    images: Images = None,
    rounds: Rounds = 10,
    threads: Threads = None,
    as_json: Json = False,
) -> None:
    """Time detection stage by stage with each installed engine: decode, resize, network and postprocessing.

    All engines take turns in every round, so that other load affects all alike. Times are medians in milliseconds per
    image. "whole" is the sum of the stages; "call" is the time of a plain call, which decodes in parallel with the
    network. "share" compares the network's GFLOP/s with those of matrix products in its precision, measured in the same
    run; in int8 with twice those in bf16.
    """
    from multibox.bench.detect import bench_detect, candidates

    set_threads(threads)
    wanted = [candidate for source in weights for candidate in candidates(source, engine=engine)]
    shown, sizes = images_to_time(images), batch_sizes(batches)
    with progress_bar("measuring") as advance:
        result = bench_detect(wanted, images=shown, batches=sizes, rounds=rounds, progress=advance)
    if as_json:
        print_json(result)
    else:
        print(_text(result))


def _text(result: dict[str, Any]) -> str:
    computer = result["machine"]
    say(f"{computer['processor']}; {counted(computer['threads'], 'thread')}, load {computer['load']:.1f}")
    rates = result["matrix_product_giga_operations_per_second"]
    say(f"matrix products: {rates['fp32']} GFLOP/s in fp32, {rates['bf16']} in bf16")
    stages = list(next(iter(result["engines"][0]["batches"].values()))["milliseconds"])
    rows: list[tuple[str, ...]] = [("engine", "batch", *stages, "q1-q3 of whole", "GFLOP", "GFLOP/s", "share", "MiB")]
    for engine in result["engines"]:
        for size, found in engine["batches"].items():
            times = found["milliseconds"]
            medians = [f"{times[stage]['median']:.2f}" for stage in stages]
            spread = f"{times['whole']['q1']:.1f}-{times['whole']['q3']:.1f}"
            work = f"{engine['giga_operations_per_image']:.1f}"
            rate, memory = f"{found['giga_operations_per_second']:.0f}", f"{engine['memory_mib']:.0f}"
            rows.append((engine["engine"], size, *medians, spread, work, rate, _share(found), memory))
    return table(rows)


def _share(found: dict[str, Any]) -> str:
    share = found["share_of_matrix_product"]
    return "" if share is None else f"{100 * share:.0f} %"
