"""Images for the network: decode them and resize them to its input size, some of them ahead in threads."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar

import cv2
import numpy as np
from jaxtyping import UInt8

from multibox.errors import DataError
from multibox.images.decode import read_image
from multibox.size import Size
from multibox.system.process import own_cores

S = TypeVar("S")
T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Prepared:
    """An image at the network's input size, with its original size and, if it is known, what it was read from."""

    pixels: UInt8[np.ndarray, "h w 3"]
    image_size: Size
    source: Any = None


def resize_to_input(image: UInt8[np.ndarray, "h w 3"], input_size: Size) -> Prepared:
    """Resize to the input size with linear interpolation; the aspect ratio is not kept.

    This is the official test transform, `resize_param { resize_mode: WARP interp_mode: LINEAR }`.
    """
    height, width = input_size
    pixels = cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)
    return Prepared(pixels, Size(*image.shape[:2]))


def prepare(source: Any, input_size: Size) -> Prepared:
    """Decode an image and resize it to the input size; raises DataError if it cannot be read."""
    return replace(resize_to_input(read_image(source), input_size), source=source)


def try_prepare(source: Any, input_size: Size) -> Prepared | DataError:
    """Return the prepared image, or the error if it cannot be decoded."""
    try:
        return prepare(source, input_size)
    except DataError as error:
        return error


def prepare_ahead(sources: Iterable[Any], *, input_size: Size, ahead: int) -> Iterator[Prepared | DataError]:
    """Yield the result of `try_prepare` for each source in order; threads prepare up to `ahead` images in advance."""
    return map_ahead(partial(try_prepare, input_size=input_size), sources, ahead=ahead)


def map_ahead(work: Callable[[S], T], items: Iterable[S], *, ahead: int, threads: int | None = None) -> Iterator[T]:
    """Yield `work(item)` for each item in order; threads compute up to `ahead` results in advance.

    By default there are as many threads as cores that this process may use. There are never more than results that
    they can compute.
    """
    waiting: deque[Future[T]] = deque()
    with ThreadPoolExecutor(min(threads or own_cores(), ahead + 1), thread_name_prefix="decode") as pool:
        for item in items:
            waiting.append(pool.submit(work, item))
            if len(waiting) > ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
