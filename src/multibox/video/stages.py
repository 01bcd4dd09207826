"""How long each stage of the work on a video takes."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import TypeVar

T = TypeVar("T")


class StageTimes:
    """Seconds and frames of each stage, by name. Each stage runs in one thread; stages may overlap."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.frames: dict[str, int] = {}

    @contextmanager
    def measure(self, name: str) -> Iterator[None]:
        """Add the time of the block, which works on one frame."""
        started = perf_counter()
        yield
        self._add(name, perf_counter() - started)

    def timed(self, name: str, items: Iterable[T]) -> Iterator[T]:
        """Yield the items; adds the time that making each one takes."""
        iterator = iter(items)
        while True:
            started = perf_counter()
            try:
                item = next(iterator)
            except StopIteration:
                return
            finally:
                seconds = perf_counter() - started
            self._add(name, seconds)
            yield item

    def less(self, name: str, other: str) -> None:
        """Subtract the seconds of another stage, because this one waited for it."""
        self.seconds[name] = max(0.0, self.seconds.get(name, 0.0) - self.seconds.pop(other, 0.0))
        self.frames.pop(other, None)

    def rows(self) -> list[tuple[str, float, float]]:
        """Each stage with milliseconds for a frame, and frames in a second if it worked alone."""
        return [
            (name, 1000 * seconds / self.frames[name], self.frames[name] / max(seconds, 1e-9))
            for name, seconds in self.seconds.items()
        ]

    def _add(self, name: str, seconds: float) -> None:
        self.seconds[name] = self.seconds.get(name, 0.0) + seconds
        self.frames[name] = self.frames.get(name, 0) + 1
