"""The unit of work and of resuming: a shard of the list of images becomes one Parquet file."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from multibox.batch.contents import prepare_named
from multibox.batch.rows import result_columns, to_parquet
from multibox.detection.detector import Detector
from multibox.detections import Detections
from multibox.errors import DataError, MultiboxError
from multibox.system.storage import open_storage


@dataclass(frozen=True)
class WorkSettings:
    """What a worker needs to know, apart from its shards; every field can be sent to another machine.

    `out` is the place of the parts, `options` are those of the store of the images, `environment` the variables that
    say how images are read.
    """

    weights: str
    out: str
    options: str = ""
    device: str | None = None
    engine: str | None = None
    precision: str | None = None
    batch_size: int = 8
    min_score: float = 0.0
    environment: tuple[tuple[str, str], ...] = ()


class DetectShard:
    """Detects objects in the images of one shard after the other, and writes a part for each.

    The same class works in a process of this machine and as an actor of Ray.
    """

    def __init__(self, settings: WorkSettings) -> None:
        os.environ.update(settings.environment)
        self.settings = settings
        self.storage = open_storage(settings.out)
        self.detector = Detector.load(
            settings.weights,
            device=settings.device,
            engine=settings.engine,
            precision=settings.precision,
            batch_size=settings.batch_size,
        )

    def __call__(self, shard: dict[str, Any]) -> dict[str, Any]:
        """Write the part of a shard {number, images}; return {number, images, errors, detections, bytes, seconds}.

        An error that the user can fix, and that is not about one image, is returned as {number, failure}: the line
        is for the user, and a cluster would wrap an exception in several others.
        """
        started = perf_counter()
        try:
            counts = self._write(int(shard["number"]), [str(name) for name in shard["images"]])
        except (MultiboxError, OSError) as error:
            return {"number": int(shard["number"]), "failure": str(error)}
        return {**counts, "seconds": perf_counter() - started}

    def _write(self, number: int, names: list[str]) -> dict[str, Any]:
        import pyarrow as pa

        results = self._detect(names)
        class_names = self.detector.class_names
        columns = result_columns(results, class_names=class_names)
        table = pa.table({"image": pa.array(names, pa.string()), **columns})
        content = to_parquet(table, class_names=class_names)
        self.storage.write(part_name(number), content)
        return {"number": number, "bytes": len(content), **_counts(results)}

    def _detect(self, names: Sequence[str]) -> list[Detections | DataError]:
        prepared = prepare_named(
            names,
            input_size=self.detector.input_size,
            ahead=2 * self.detector.batch_size - 1,
            options=self.settings.options,
        )
        least = self.settings.min_score
        return [
            found.above(least) if isinstance(found, Detections) else found
            for found in self.detector.detect_prepared(prepared)
        ]


def part_name(number: int) -> str:
    """The file of a shard: part-00017.parquet."""
    return f"part-{number:05}.parquet"


def _counts(results: Sequence[Detections | DataError]) -> dict[str, int]:
    found = [result for result in results if isinstance(result, Detections)]
    return {"images": len(results), "errors": len(results) - len(found), "detections": sum(map(len, found))}
