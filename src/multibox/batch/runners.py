"""The table of runners: where the shards of a batch are computed."""

from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any, Protocol, runtime_checkable

from multibox.batch.shard import WorkSettings
from multibox.errors import UsageError


@runtime_checkable
class Runner(Protocol):
    """Writes the parts of all shards and yields the result of each, in the order in which they finish."""

    def __call__(
        self,
        shards: Iterator[dict[str, Any]],
        settings: WorkSettings,
        *,
        count: int,
        workers: int | None,
        ready: Callable[[], None],
    ) -> Iterator[dict[str, Any]]:
        """`count` is the number of shards. `ready` is called once, when nothing prevents the first one."""


RUNNERS = {"local": "multibox.batch.local", "ray": "multibox.batch.ray_cluster"}
"""Name and module of each; the module has a function `run_shards`."""


def find_runner(name: str) -> Runner:
    """The runner with this name; raises UsageError for an unknown name, or if its package is missing."""
    if name not in RUNNERS:
        raise UsageError(f"runner {name!r} is not known: choose {' or '.join(RUNNERS)}")
    runner: Runner = import_module(RUNNERS[name]).run_shards
    return runner
