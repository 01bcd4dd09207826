"""`multibox bench train`: where the time of a training step goes."""

from typing import Annotated, Any

import typer

from multibox.cli.bench.options import set_threads
from multibox.cli.console import print_json, progress_bar, say, table
from multibox.cli.options import Device, Json, OptionalData, Settings, Split, Threads, Workers
from multibox.words import counted

_TITLES = {
    "load": "next batch, on the device",
    "forward": "network, forward",
    "loss": "matching, mining, loss",
    "loss_backward": "loss, backward",
    "backward": "network, backward",
    "optimizer": "optimizer",
}


def train(
    recipe: Annotated[str, typer.Argument(metavar="RECIPE", help="Recipe, such as quick or ssd300-voc.")] = "quick",
    *,
    data: OptionalData = None,
    split: Split = None,
    batch: Annotated[
        int | None, typer.Option("--batch", min=1, metavar="N", help="Images in a step; by default the recipe's.")
    ] = None,
    precision: Annotated[
        str | None,
        typer.Option("--precision", metavar="auto|fp32|bf16|fp16", help="Number type; by default the recipe's."),
    ] = None,
    settings: Settings = None,
    steps: Annotated[
        int,
        typer.Option("--steps", min=1, metavar="N", help="Number of steps to measure, with and without the loader."),
    ] = 10,
    workers: Workers = 0,
    threads: Threads = None,
    device: Device = None,
    as_json: Json = False,
) -> None:
    """Time the parts of a recipe's training step, with batches in memory and with batches from the loader.

    Without --data the images are generated. Weights are random, and the learning rate is 0, so that the loss stays
    finite. "GFLOP/s" counts the convolutions of the forward and backward passes; the machine's rate in matrix products
    is measured in the same run.
    """
    from multibox.bench.recipe import bench_recipe
    from multibox.experiments.recipe import override
    from multibox.experiments.recipes import find_recipe

    chosen = override(find_recipe(recipe), [*(settings or []), *_changes(batch, precision, split)])
    set_threads(threads)
    with progress_bar("measuring") as advance:
        result = bench_recipe(chosen, data=data, steps=steps, workers=workers, device=device, progress=advance)
    if as_json:
        print_json(result)
    else:
        _introduce(result)
        print(_text(result))


def _changes(batch: int | None, precision: str | None, split: str | None) -> list[str]:
    """The options as changes of the recipe."""
    changes = [] if batch is None else [f"loop.batch_size={batch}", "loop.accumulate=1"]
    if precision is not None:
        changes.append(f"loop.precision={precision}")
    if split is not None:
        changes.append(f"train_split={split}")
    return changes


def _introduce(result: dict[str, Any]) -> None:
    computer = result["machine"]
    height, width = result["input_size"]
    precision = f"{result['precision']}, compiled" if result["compiled"] else result["precision"]
    threads = counted(computer["threads"], "thread")
    say(f"{result['device']}; {threads}, load {computer['load']:.1f}, torch {computer['torch']}")
    say(
        f"{result['recipe']}: {result['model']} at {width} x {height}, {result['priors']} priors, batches of "
        f"{result['batch']} with {result['objects_per_batch']:g} objects, {precision}"
    )
    say(f"data: {result['data']}, augmentation {result['augmentation']}, {result['workers']} loader processes")


def _text(result: dict[str, Any]) -> str:
    kinds = (result["in_memory"], result["with_loader"])
    rows: list[tuple[str, ...]] = [("milliseconds a step", "in memory", "share", "with loader", "share")]
    for part, title in _TITLES.items():
        rows.append((title, *(cell for kind in kinds for cell in _cells(kind, part))))
        if part == "loss":
            rows += [(f"  {name}", f"{value:.2f}", "", "", "") for name, value in _inside(result).items()]
    rows.append(("step", *(cell for kind in kinds for cell in (f"{kind['milliseconds']['step']['median']:.1f}", ""))))
    rows.append(("images/s", *(cell for kind in kinds for cell in (f"{kind['images_per_second']:.2f}", ""))))
    return f"{table(rows)}\n\n{_arithmetic(result)}"


def _cells(kind: dict[str, Any], part: str) -> tuple[str, str]:
    return f"{kind['milliseconds'][part]['median']:.2f}", f"{100 * kind['shares'][part]:.1f} %"


def _inside(result: dict[str, Any]) -> dict[str, float]:
    inside = result["in_memory"]["inside_loss"]
    rest = result["in_memory"]["milliseconds"]["loss"]["median"] - sum(inside.values())
    return {"matching": inside["match"], "mining": inside["mine"], "the rest": max(0.0, rest)}


def _arithmetic(result: dict[str, Any]) -> str:
    rates = result["matrix_product_giga_operations_per_second"]
    products = ", ".join(f"{rate:.0f} in {name}" for name, rate in rates.items())
    share = result["share_of_matrix_product"]
    part = "" if share is None else f", {100 * share:.0f} % of matrix products"
    return (
        f"{result['giga_operations_per_image']:.1f} GFLOP an image, {result['giga_operations_per_second']:.0f} "
        f"GFLOP/s{part}; matrix products {products}; at most {result['peak_memory_mib']:.0f} MiB"
    )
