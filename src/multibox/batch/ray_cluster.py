"""Shards on a Ray cluster: actors that each load the detector once and write one part after another.

The shards are handed out in rounds. What an actor did not finish because it or its node was lost is done again in the
next round: if Ray retried it, it would wait for the same actor, forever if no other node has room for it. New nodes are
used from the next round on. Reading images, decoding and writing are the same code as on one machine: a part is
complete when its shard is, while Ray's own writers commit nothing before their task ends.
"""

import logging
import warnings
from collections.abc import Callable, Generator, Iterator
from itertools import islice
from typing import Any

from multibox.batch.shard import DetectShard, WorkSettings
from multibox.errors import MultiboxError, ProcessError, UsageError
from multibox.words import pip_install

_LEAST, _TURNS = 256, 16
"""The shards of a round: so many, or so many for each actor. Only their names are in memory at a time."""

_ATTEMPTS = 3
"""How many rounds may pass without a finished shard."""


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
    Raises UsageError if ray is not installed, ProcessError if no shard is finished in several rounds.
    """
    ray = _connected()
    ready()
    lost: list[dict[str, Any]] = []
    vain = 0
    while True:
        actors, gpus = _resources(ray, settings, workers=workers)
        size = max(_LEAST, _TURNS * actors)
        round_ = [*lost, *islice(shards, max(0, size - len(lost)))]
        if not round_:
            return
        lost = yield from _round(ray, round_, settings, actors=actors, gpus=gpus)
        vain = vain + 1 if len(lost) == len(round_) else 0
        if vain == _ATTEMPTS:
            raise ProcessError(
                f"no actor of the Ray cluster finished a shard in {_ATTEMPTS} rounds; the logs of Ray have the cause, "
                "often too little memory (finished shards stay: use --resume)"
            )


def _resources(ray: Any, settings: WorkSettings, *, workers: int | None) -> tuple[int, int]:
    """The number of actors, and the GPUs of each."""
    resources = ray.cluster_resources()
    gpus, cores = int(resources.get("GPU", 0)), int(resources.get("CPU", 1))
    on_gpu = gpus > 0 and settings.device != "cpu"
    return max(1, workers or (gpus if on_gpu else cores)), int(on_gpu)


def _round(
    ray: Any, shards: list[dict[str, Any]], settings: WorkSettings, *, actors: int, gpus: int
) -> Generator[dict[str, Any], None, list[dict[str, Any]]]:
    """Yield the results of shards; return those whose actors were lost."""
    left = {shard["number"]: shard for shard in shards}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the last argument, which versions below 2.64 have
        results = ray.data.from_items(shards, override_num_blocks=len(shards)).map(
            ShardActor,
            fn_constructor_args=[settings],
            compute=ray.data.ActorPoolStrategy(size=min(actors, len(shards)), max_tasks_in_flight_per_actor=2),
            num_cpus=1,
            num_gpus=gpus,
            ray_remote_args_fn=_never_again,
        )
    try:
        for result in results.iter_rows():
            del left[int(result["number"])]
            yield result
    except ray.exceptions.RayError as error:
        reason = str(error).strip().splitlines()[-1]
        raise ProcessError(f"Ray stopped the run: {reason} (finished shards stay: use --resume)") from error
    return list(left.values())


def _never_again() -> dict[str, Any]:
    """Options of an actor: a shard that it did not finish is not given to it again."""
    return {"max_task_retries": 0}


def _connected() -> Any:
    """The module ray, connected to a cluster, without its progress bars."""
    try:
        import ray
        import ray.data
    except ImportError:
        raise UsageError(
            f"--runner ray needs Ray: {pip_install('ray[data]<2.64', 'pyarrow')}, or use --runner local"
        ) from None
    if not ray.is_initialized():
        ray.init(log_to_driver=False)
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.max_errored_blocks = -1  # shards of lost actors; other errors are results
    logging.getLogger("ray.data").setLevel(logging.CRITICAL)  # it reports each lost shard with a traceback
    return ray
