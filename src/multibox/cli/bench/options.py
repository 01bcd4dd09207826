"""Options that the commands of `multibox bench` share."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from multibox.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

Batches = Annotated[str, typer.Option("--batches", metavar="N,N", help="Batch sizes to measure.")]
Rounds = Annotated[int, typer.Option("--rounds", min=1, metavar="N", help="Number of measurements.")]
Images = Annotated[
    Path | None, typer.Option("--images", metavar="DIR", help="Folder of images; by default generated images.")
]


def batch_sizes(text: str) -> list[int]:
    """Numbers from a text like "1,8"; raises UsageError for another text."""
    sizes = text.split(",")
    if not all(size.isdecimal() and int(size) > 0 for size in sizes):
        raise UsageError(f"--batches is {text!r}: give numbers from 1 up, separated by commas")
    return [int(size) for size in sizes]


def images_to_time(folder: Path | None) -> "Sequence[Any]":
    """Image files of the folder, or the bytes of generated images; raises UsageError for a folder without images."""
    if folder is None:
        from multibox.bench.images import sample_images

        return sample_images(count=8)
    from multibox.images.find import find_images

    found = find_images([folder])
    if not found.files:
        raise UsageError(found.problems[0])
    return found.files


def set_threads(threads: int | None) -> None:
    """Use this number of threads in PyTorch and the engines; None keeps the default."""
    import torch

    if threads is not None:
        torch.set_num_threads(threads)
