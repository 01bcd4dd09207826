"""`multibox bench augment`: the training samples that one core makes."""

from typing import Annotated

import typer

from multibox.cli.console import print_json, table
from multibox.cli.options import Data, Json, Split


def augment(
    *,
    data: Data,
    split: Split = None,
    augmentation: Annotated[
        str, typer.Option("--augmentation", metavar="NAME", help="none, flip, paper or caffe.")
    ] = "caffe",
    seconds: Annotated[float, typer.Option("--seconds", min=0.1, metavar="S", help="How long to measure.")] = 5.0,
    as_json: Json = False,
) -> None:
    """Count the 300 x 300 training samples that one core makes in a second, and the images that it decodes."""
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
