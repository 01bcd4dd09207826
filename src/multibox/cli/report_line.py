"""The progress of a training run on standard error."""

import os
import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from multibox.experiments.recipe import Recipe

_CLEAR_LINE = "\r\x1b[2K"


@runtime_checkable
class Terminal(Protocol):
    """Where the line is written: standard error, or a buffer."""

    def write(self, text: str, /) -> int: ...
    def flush(self) -> None: ...
    def isatty(self) -> bool: ...


class ReportLine:
    """Shows the reports of a run: one line that overwrites itself on a terminal, else a line every `interval` seconds.

    Pass `report` and `message` to `multibox.train` as `on_report` and `on_message`. Each of their calls also calls
    `between`.
    """

    def __init__(
        self,
        *,
        steps: int,
        batch_size: int,
        stream: Terminal | None = None,
        interval: float = 30.0,
        between: Callable[[], object] | None = None,
    ) -> None:
        self._steps, self._batch_size = steps, batch_size
        self._stream: Terminal = sys.stderr if stream is None else stream
        self._live = self._stream.isatty()
        self._interval = 0.0 if self._live else interval
        self._last = -float("inf")
        self._between = between

    def __enter__(self) -> "ReportLine":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._live and self._last > 0:
            self._write("\n")

    def report(self, row: dict[str, Any]) -> None:
        """Show a row of losses, if it is time for one."""
        self._pass_on()
        now = time.monotonic()
        if "loss" not in row or (now - self._last < self._interval and row["step"] < self._steps):
            return
        self._last = now
        text = self._describe(row)
        self._write(f"{_CLEAR_LINE}{text}" if self._live else f"{text}\n")

    def message(self, text: str) -> None:
        """Show a message that stays, above the line."""
        self._pass_on()
        self._write(f"{_CLEAR_LINE}{text}\n" if self._live else f"{text}\n")

    def _pass_on(self) -> None:
        if self._between is not None:
            self._between()

    def _describe(self, row: dict[str, Any]) -> str:
        left = (self._steps - row["step"]) * self._batch_size / max(row["images_per_second"], 1e-9)
        return (
            f"step {row['step']}/{self._steps}  {row['images_per_second']:.1f} images/s  loss {row['loss']:.3f} "
            f"(location {row['location_loss']:.3f}, confidence {row['confidence_loss']:.3f})  "
            f"{row['positives']:.1f} positives/image  {duration(left)} left"
        )

    def _write(self, text: str) -> None:
        try:
            self._stream.write(text)
            self._stream.flush()
        except RuntimeError:  # a signal handler must not write to a stream while it is being written to
            os.write(2, text.encode())


class ReportLines:
    """Shows the reports of several runs, one after the other."""

    def __init__(self) -> None:
        self._lines: dict[str, ReportLine] = {}

    def report(self, recipe: "Recipe", row: dict[str, Any]) -> None:
        """Show a row of a run of `recipe`."""
        if recipe.name not in self._lines:
            self._lines[recipe.name] = ReportLine(steps=recipe.schedule.iterations, batch_size=recipe.loop.batch_size)
        self._lines[recipe.name].report(row)

    def message(self, text: str) -> None:
        """Show a message that stays."""
        ReportLine(steps=0, batch_size=0).message(text)


def duration(seconds: float) -> str:
    """Format seconds as m:ss or h:mm:ss."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
