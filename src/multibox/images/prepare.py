"""Images for the network: decode them and resize them to its input size, some of them ahead in threads."""

import os
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from jaxtyping import UInt8

from multibox.errors import DataError
from multibox.images.decode import read_image
from multibox.size import Size


@dataclass(frozen=True, eq=False)
class Prepared:
    """An image at the network's input size, with its original size."""

    pixels: UInt8[np.ndarray, "h w 3"]
    image_size: Size


def resize_to_input(image: UInt8[np.ndarray, "h w 3"], input_size: Size) -> Prepared:
    """Resize to the input size with linear interpolation; the aspect ratio is not kept.

    This is the official test transform, `resize_param { resize_mode: WARP interp_mode: LINEAR }`.
    """
    height, width = input_size
    pixels = cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)
    return Prepared(pixels, Size(*image.shape[:2]))


def try_prepare(source: Any, input_size: Size) -> Prepared | DataError:
    """Return the prepared image, or the error if it cannot be decoded."""
    try:
        return resize_to_input(read_image(source), input_size)
    except DataError as error:
        return error


def prepare_ahead(sources: Iterable[Any], *, input_size: Size, ahead: int) -> Iterator[Prepared | DataError]:
    """Yield the result of `try_prepare` for each source in order; threads prepare up to `ahead` images in advance.

    There are as many threads as cores that this process may use, but no more than images they can prepare.
    """
    waiting: deque[Future[Prepared | DataError]] = deque()
    with ThreadPoolExecutor(min(_own_cores(), ahead + 1), thread_name_prefix="decode") as pool:
        for source in sources:
            waiting.append(pool.submit(try_prepare, source, input_size))
            if len(waiting) > ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _own_cores() -> int:
    """Cores that this process may use, which a container or a launcher can limit."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
