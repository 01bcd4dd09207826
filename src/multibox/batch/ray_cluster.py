"""Shards on a Ray cluster: actors that each load the detector once and write one part after another.

Ray distributes the shards and replaces actors and nodes that are lost; what a lost actor did not finish, another one
does again. Reading images, decoding and writing are the same code as on one machine: a part is complete when its shard
is, while Ray's own writers commit nothing before their task ends.
"""

from collections.abc import Callable, Iterator
from typing import Any

from multibox.batch.shard import DetectShard, WorkSettings
from multibox.errors import MultiboxError, ProcessError, UsageError


class ShardActor:
    """`DetectShard` in an actor: the detector is loaded with the first shard, so that an error becomes its result."""

    def __init__(self, settings: WorkSettings) -> None:
        self._settings = settings
        self._detect: DetectShard | None = None

    def __call__(self, shard: dict[str, Any]) -> dict[str, Any]:
        try:
            self._detect = self._detect or DetectShard(self._settings)
        except MultiboxError as error:
            return {"number": int(shard["number"]), "failure": str(error)}
        return self._detect(shard)


def run_shards(
    shards: Iterator[dict[str, Any]],
    settings: WorkSettings,
    *,
    count: int,
    workers: int | None,
    ready: Callable[[], None],
) -> Iterator[dict[str, Any]]:
    """Write the parts of all shards; yield the result of each.

    Uses the cluster that RAY_ADDRESS names, or the one that runs on this machine, else starts one for this run. By
    default there is an actor for each GPU of the cluster, or for each core if it has none.
    Raises UsageError if ray is not installed, ProcessError if Ray gives up.
    """
    ray = _connected()
    ready()
    resources = ray.cluster_resources()
    gpus, cores = int(resources.get("GPU", 0)), int(resources.get("CPU", 1))
    on_gpu = gpus > 0 and settings.device != "cpu"
    actors = max(1, min(workers or (gpus if on_gpu else cores), count))
    results = ray.data.from_items(list(shards), override_num_blocks=count).map(
        ShardActor,
        fn_constructor_args=[settings],
        compute=ray.data.ActorPoolStrategy(size=actors, max_tasks_in_flight_per_actor=2),
        num_cpus=1,
        num_gpus=1 if on_gpu else 0,
    )
    try:
        yield from results.iter_rows()
    except ray.exceptions.RayError as error:
        reason = str(error).strip().splitlines()[-1]
        raise ProcessError(f"Ray stopped the run: {reason} (finished shards stay: use --resume)") from error


def _connected() -> Any:
    """The module ray, connected to a cluster, without its progress bars."""
    try:
        import ray
        import ray.data
    except ImportError:
        raise UsageError("--runner ray needs Ray: pip install 'multibox[ray]', or use --runner local") from None
    if not ray.is_initialized():
        ray.init(log_to_driver=False)
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    return ray
