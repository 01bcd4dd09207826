"""Training samples per second on one core, compared with decoding alone."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from multibox.data.augmentation.augmentation import Augmentation
from multibox.data.augmentation.sample import make_sample
from multibox.data.dataset import Dataset, Example
from multibox.data.loading.worker import use_one_core
from multibox.errors import DataError
from multibox.images.decode import read_image
from multibox.size import Size

_IMAGES_PER_TURN = 16


def bench_augment(
    dataset: Dataset,
    *,
    augmentation: Augmentation,
    seconds: float,
    input_size: Size = Size(300, 300),
    seed: int = 0,
) -> dict[str, Any]:
    """Samples and decoded images per second on one core, measured for about `seconds` in total.

    The two tasks take turns of a few images, so that other load affects both alike and their ratio stays meaningful.
    The times are processor times with files in the page cache. This process keeps the settings of a loader's worker
    process afterwards. Raises DataError if no image can be decoded.
    """
    readable = [example for example in dataset.examples[:512] if _is_readable(example)]
    if not readable:
        raise DataError(f"none of the images of {dataset.name!r} can be decoded; run: multibox data check")
    rng = np.random.default_rng(seed)

    def sample(example: Example) -> None:
        make_sample(example, augmentation=augmentation, input_size=input_size, rng=rng)

    def decode(example: Example) -> None:
        read_image(example.image)

    use_one_core()
    spent = _in_turns(readable, sample, decode, seconds)
    samples, decoded = (images / duration for images, duration in spent)
    return {
        "images": len(readable),
        "input_size": list(input_size),
        "samples": spent[0][0],
        "samples_per_second": samples,
        "milliseconds_per_sample": 1000 / samples,
        "decoded_per_second": decoded,
        "share_of_decoding": samples / decoded,
    }


def _is_readable(example: Example) -> bool:
    try:
        read_image(example.image)
    except DataError:
        return False
    return True


def _in_turns(
    examples: list[Example], first: Callable[[Example], None], second: Callable[[Example], None], seconds: float
) -> tuple[tuple[int, float], tuple[int, float]]:
    """(images, seconds) of both tasks."""
    endless = _repeated(examples)
    counts, durations = [0, 0], [0.0, 0.0]
    while sum(durations) < seconds or min(counts) == 0:
        turn = [next(endless) for _ in range(_IMAGES_PER_TURN)]
        for number, task in enumerate((first, second)):
            begin = time.process_time()
            for example in turn:
                task(example)
            durations[number] += time.process_time() - begin
            counts[number] += len(turn)
    return (counts[0], durations[0]), (counts[1], durations[1])


def _repeated(examples: list[Example]) -> Iterator[Example]:
    while True:
        yield from examples
