"""`multibox bench`: how fast things are on this machine."""

from pathlib import Path
from typing import Annotated, Any

import typer

from multibox.cli.bench.images import batch_sizes, images_to_time
from multibox.cli.bench.table7 import table7
from multibox.cli.bench.train import train
from multibox.cli.console import print_json, progress_bar, say, table
from multibox.cli.options import Json, Threads
from multibox.errors import UsageError

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
app.command(short_help="Time the parts of a training step.")(train)
app.command(short_help="Measure the paper's table of speeds.")(table7)


@app.callback()
def bench() -> None:
    """Measure how fast things are on this machine."""


@app.command(short_help="Time detection with each engine that is installed.")
def detect(
    *,
    weights: Annotated[
        list[str],
        typer.Option("--weights", "-w", metavar="FILE", help="Weight file or exported model; give several to compare."),
    ],
    backend: Annotated[
        str, typer.Option("--backend", metavar="NAME", help="'all' that can run the file, or one of them.")
    ] = "all",
    batch: Annotated[str, typer.Option("--batch", metavar="N,N", help="Numbers of images at once.")] = "1,8",
    images: Annotated[
        Path | None, typer.Option("--images", metavar="DIR", help="Folder of images; by default generated ones.")
    ] = None,
    rounds: Annotated[int, typer.Option("--rounds", min=1, metavar="N", help="How often each is measured.")] = 10,
    threads: Threads = None,
    as_json: Json = False,
) -> None:
    """Time detection: decode, resize, network and post-processing, and the whole, with each engine installed.

    All take turns in every round, so that other load falls on all alike; times are medians in milliseconds an image.
    "call" is the whole as a user calls it, with decoding beside the network.
    """
    import torch

    from multibox.bench.detect import bench_detect, candidates
    from multibox.detection.engines.load import BACKENDS

    if backend not in ("all", *BACKENDS):
        raise UsageError(f"--backend {backend!r} is not known: choose all or one of {', '.join(BACKENDS)}")
    if threads is not None:
        torch.set_num_threads(threads)
    wanted = [candidate for source in weights for candidate in candidates(source, backend=backend)]
    with progress_bar("measuring") as advance:
        result = bench_detect(
            wanted, images=images_to_time(images), batches=batch_sizes(batch), rounds=rounds, progress=advance
        )
    if as_json:
        print_json(result)
    else:
        print(_text(result))


@app.command(short_help="Count the training samples that one core makes.")
def augment(
    *,
    data: Annotated[Path, typer.Option("--data", metavar="PATH", help="A data set with images of the usual size.")],
    split: Annotated[str | None, typer.Option("--split", metavar="NAME", help="By default that for training.")] = None,
    augmentation: Annotated[
        str, typer.Option("--augmentation", metavar="NAME", help="none, flip, paper or caffe.")
    ] = "caffe",
    seconds: Annotated[float, typer.Option("--seconds", min=0.1, metavar="S", help="How long to measure.")] = 5.0,
    as_json: Json = False,
) -> None:
    """Count the training samples of 300 x 300 that one core makes in a second, and the images it only decodes."""
    from multibox.bench.augment import bench_augment
    from multibox.data.augmentation.augmentation import find_augmentation
    from multibox.data.load import load_dataset

    recipe = find_augmentation(augmentation)
    result = bench_augment(load_dataset(data, split=split), augmentation=recipe, seconds=seconds)
    if as_json:
        print_json({"augmentation": augmentation, **result})
        return
    rows: list[tuple[str, ...]] = [("one core", "images/s", "ms each")]
    for name, rate in ((augmentation, result["samples_per_second"]), ("decoding alone", result["decoded_per_second"])):
        rows.append((name, f"{rate:,.0f}", f"{1000 / rate:.2f}"))
    print(table(rows))


def _text(result: dict[str, Any]) -> str:
    computer = result["machine"]
    say(f"{computer['processor']}; {computer['threads']} threads, load {computer['load']:.1f}")
    rates = result["matrix_product_giga_operations_per_second"]
    say(f"matrix products: {rates['float32']} GFLOP/s in float32, {rates['bfloat16']} in bfloat16")
    stages = list(next(iter(result["engines"][0]["batches"].values()))["milliseconds"])
    rows: list[tuple[str, ...]] = [("engine", "batch", *stages, "q1-q3 of whole", "GFLOP", "GFLOP/s", "MiB")]
    for engine in result["engines"]:
        for size, found in engine["batches"].items():
            times = found["milliseconds"]
            medians = [f"{times[stage]['median']:.2f}" for stage in stages]
            spread = f"{times['whole']['q1']:.1f}-{times['whole']['q3']:.1f}"
            work = f"{engine['giga_operations_per_image']:.1f}"
            rate, memory = f"{found['giga_operations_per_second']:.0f}", f"{engine['memory_mib']:.0f}"
            rows.append((engine["engine"], size, *medians, spread, work, rate, memory))
    return table(rows)
