"""A batch: list the images, find the missing shards, let workers write them."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

from multibox.batch.image_list import ImageList, list_images
from multibox.batch.manifest import MANIFEST, Manifest, parts_in, stored_manifest
from multibox.batch.runners import Runner, find_runner
from multibox.batch.shard import WorkSettings
from multibox.detection.digest import weights_digest
from multibox.errors import InputError, UsageError
from multibox.images.settings import max_pixels, reading_environment, stretches_16_bits
from multibox.system.progress import Progress
from multibox.system.storage import Storage, open_storage, require_pyarrow
from multibox.weights.registry.detectors import DEFAULT
from multibox.words import counted

SHARD = 4096


@dataclass(frozen=True)
class BatchSummary:
    """What a run did: its shards and their images, and `kept`, the shards that were there before.

    `errors` are images that cannot be read, `bytes` the size of the parts, `seconds` the whole time of the run, and
    `load_seconds` its beginning, until the first worker is ready.
    """

    shards: int
    kept: int
    images: int
    errors: int
    detections: int
    bytes: int
    seconds: float
    load_seconds: float

    def to_json(self) -> dict[str, Any]:
        """Plain values, as `multibox batch --json` prints them."""
        return asdict(self)


def run_batch(
    source: str | Path,
    *,
    out: str | Path,
    weights: str | Path = DEFAULT.name,
    shard: int = SHARD,
    runner: str = "local",
    workers: int | None = None,
    resume: bool = False,
    min_score: float = 0.0,
    device: str | None = None,
    engine: str | None = None,
    precision: str | None = None,
    batch_size: int = 8,
    progress: Progress | None = None,
) -> BatchSummary:
    """Detect objects in all images of `source` and write them to `out` as Parquet, one part for each `shard` images.

    `source` is a folder, a prefix such as s3://bucket/photos, or a list (`list_images`); `out` is a folder or a prefix.
    `runner` "local" starts `workers` processes on this machine, by default one for each GPU or else one; "ray" uses as
    many actors of a Ray cluster. With `resume`, the parts in `out` are kept and only missing ones are made. `progress`
    is called with the number of images done and of all images. The other options are those of `Detector.load`.

    Raises UsageError if `out` holds parts and `resume` is false, or if they were made from other images, weights or
    settings; ProcessError if a shard ends its worker again and again; InputError if a store does not answer.
    """
    started = perf_counter()
    require_pyarrow()
    run_shards = find_runner(runner)
    _check(shard=shard, workers=workers, batch_size=batch_size)
    storage = open_storage(out)
    parts = _parts(storage, resume=resume)
    images = list_images(source)
    manifest = Manifest(
        weights=str(weights),
        weights_sha256=weights_digest(weights),
        source=str(source),
        images=len(images),
        images_sha256=images.digest(),
        shard=shard,
        min_score=min_score,
        engine=engine,
        precision=precision,
        max_pixels=max_pixels(),
        stretch_16_bit=stretches_16_bits(),
    )
    if parts:
        manifest.require_same(stored_manifest(storage), place=storage.place)
    settings = WorkSettings(
        weights=str(weights),
        out=str(out) if not storage.local else storage.place,
        options=images.options,
        device=device,
        engine=engine,
        precision=precision,
        batch_size=batch_size,
        min_score=min_score,
        environment=reading_environment(),
    )
    work = _Work(storage, manifest, images, parts)
    return work.run(run_shards, settings, workers=workers, progress=progress, started=started)


@dataclass(frozen=True, eq=False)
class _Work:
    """The shards of a batch, and those whose parts are there."""

    storage: Storage
    manifest: Manifest
    images: ImageList
    parts: frozenset[int]

    def run(
        self,
        run_shards: Runner,
        settings: WorkSettings,
        *,
        workers: int | None,
        progress: Progress | None,
        started: float,
    ) -> BatchSummary:
        """Let the runner write all missing shards."""
        totals = {"shards": 0, "images": 0, "errors": 0, "detections": 0, "bytes": 0}
        done = sum(self._size(number) for number in self.parts)
        missing = self.manifest.shards - len(self.parts)
        ready_at = [perf_counter()]

        def begin() -> None:
            self._write_manifest()
            ready_at[0] = perf_counter()

        results = run_shards(self._missing(), settings, count=missing, workers=workers, ready=begin)
        for result in results if missing else ():
            if "failure" in result:
                raise InputError(f"shard {result['number']}: {result['failure']} (finished shards stay: use --resume)")
            for key in totals:
                totals[key] += result.get(key, 1)
            if progress is not None:
                progress(done + totals["images"], len(self.images))
        seconds, loading = perf_counter() - started, ready_at[0] - started
        return BatchSummary(**totals, kept=len(self.parts), seconds=seconds, load_seconds=loading)

    def _write_manifest(self) -> None:
        """Write the manifest, before the first part."""
        if not self.parts:
            self.storage.write(MANIFEST, self.manifest.to_text().encode())

    def _missing(self) -> Iterator[dict[str, Any]]:
        for number in range(self.manifest.shards):
            if number not in self.parts:
                start = number * self.manifest.shard
                yield {"number": number, "images": self.images.take(start, start + self.manifest.shard)}

    def _size(self, number: int) -> int:
        """The number of images of a shard; the last one may be smaller."""
        return min(self.manifest.shard, len(self.images) - number * self.manifest.shard)


def _check(*, shard: int, workers: int | None, batch_size: int) -> None:
    for name, number in (("shard", shard), ("workers", workers), ("batch_size", batch_size)):
        if number is not None and number < 1:
            raise UsageError(f"{name} is {number}; it must be 1 or more")


def _parts(storage: Storage, *, resume: bool) -> frozenset[int]:
    """The numbers of the parts in `out`; raises UsageError if they cannot be continued."""
    if storage.local and Path(storage.place).exists() and not Path(storage.place).is_dir():
        raise UsageError(f"{storage.place} is a file; give a folder for the parts")
    parts = parts_in(storage)
    if parts and not resume:
        raise UsageError(
            f"{storage.place} holds {counted(len(parts), 'part')} of a batch: add --resume to make the others, or "
            "choose another --out"
        )
    return frozenset(parts)
