"""The table of logs, and what a training run tells them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import UInt8

from multibox.errors import TrainingError, UsageError
from multibox.experiments.recipe import Recipe
from multibox.words import escaped, pip_install

Images = Mapping[str, UInt8[np.ndarray, "h w 3"]]


@runtime_checkable
class RunLog(Protocol):
    """Where a run is logged."""

    def numbers(self, step: int, row: Mapping[str, float]) -> None:
        """Losses, learning rate and speed of some steps, or the score of a validation."""

    def images(self, step: int, images: Images) -> None:
        """Images of the validation set with their detections."""

    def close(self, *, finished: bool) -> None:
        """The run ends; it is not `finished` if it was stopped or failed."""


@dataclass(frozen=True)
class Opening:
    """What a log is opened with: the folder of the run, its recipe, and the step at which it starts or continues."""

    folder: Path
    recipe: Recipe
    step: int


LOGS = {"tensorboard": "tensorboard", "mlflow": "mlflow"}
"""Name of each log, which is that of its extra and its module, and the package that it needs."""

_SMALLER = {"mlflow": "mlflow-skinny"}  # a part of the package that is enough


def check_logs(names: Sequence[str]) -> None:
    """Raise UsageError for an unknown log and for one whose package is not installed."""
    for name in names:
        if name not in LOGS:
            raise UsageError(f"log {name!r} is not known: choose {' or '.join(LOGS)}")
        if find_spec(LOGS[name]) is None:
            raise UsageError(f"--log {name} needs the package {LOGS[name]}: {pip_install(_SMALLER.get(name, name))}")


@contextmanager
def opened_logs(
    names: Sequence[str], opening: Opening, *, on_message: Callable[[str], object]
) -> Iterator["Broadcast"]:
    """All logs with these names. Raises TrainingError if one of them cannot be opened."""
    broadcast = Broadcast({name: _opened(name, opening) for name in dict.fromkeys(names)}, on_message)
    try:
        yield broadcast
    except BaseException:
        broadcast.close(finished=False)
        raise
    broadcast.close(finished=True)


def _opened(name: str, opening: Opening) -> RunLog:
    try:
        log: RunLog = import_module(f"{__package__}.to_{name}").open_log(opening)
    except Exception as error:  # whatever the other program raises
        raise TrainingError(f"--log {name} cannot be opened ({_short(error)}); leave it out or repair it") from None
    return log


class Broadcast:
    """Passes everything to all logs. A log that fails is reported once and left out; the training continues."""

    def __init__(self, logs: dict[str, RunLog], on_message: Callable[[str], object]) -> None:
        self._logs, self._on_message = logs, on_message

    @property
    def wanted(self) -> bool:
        """Whether a log is left."""
        return bool(self._logs)

    def row(self, row: Mapping[str, Any]) -> None:
        """The numbers of a row of the metrics."""
        numbers = {key: float(value) for key, value in row.items() if key != "step" and _is_number(value)}
        self._each(lambda log: log.numbers(int(row["step"]), numbers))

    def images(self, step: int, images: Images) -> None:
        """Images of the validation set."""
        self._each(lambda log: log.images(step, images))

    def close(self, *, finished: bool) -> None:
        """Close all logs."""
        self._each(lambda log: log.close(finished=finished))

    def _each(self, call: Callable[[RunLog], None]) -> None:
        for name, log in list(self._logs.items()):
            try:
                call(log)
            except Exception as error:  # whatever the other program raises
                del self._logs[name]
                self._on_message(f"warning: {name} failed ({_short(error)}); the run continues without it")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _short(error: Exception) -> str:
    return escaped(" ".join(f"{type(error).__name__}: {error}".split()))[:200]
