"""A runner in this process, for tests that need no other one."""

from collections.abc import Callable, Iterator
from typing import Any

from multibox.batch.shard import DetectShard, WorkSettings


def run_shards(
    shards: Iterator[dict[str, Any]],
    settings: WorkSettings,
    *,
    count: int,
    workers: int | None,
    ready: Callable[[], None],
) -> Iterator[dict[str, Any]]:
    detect = DetectShard(settings)
    ready()
    yield from map(detect, shards)
