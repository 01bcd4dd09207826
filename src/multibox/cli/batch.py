"""`multibox batch`: detections of any number of images as Parquet."""

from typing import TYPE_CHECKING, Annotated

import typer

from multibox.cli.console import print_json, progress_bar, say
from multibox.cli.options import Batch, Device, Engine, Json, MaxPixels, MinScore, Precision, Stretch
from multibox.errors import UsageError
from multibox.words import counted

if TYPE_CHECKING:
    from multibox.batch.run import BatchSummary


def batch(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE", help="Folder, prefix such as s3://bucket/photos, or list of images: .txt or .parquet."
        ),
    ],
    *,
    out: Annotated[str, typer.Option("--out", "-o", metavar="DIR", help="Folder or prefix to write to.")],
    weights: Annotated[
        str | None,
        typer.Option(
            "--weights",
            "-w",
            metavar="FILE",
            help="Weight file, exported model or published name; by default lite320-animals.",
        ),
    ] = None,
    shard: Annotated[
        int, typer.Option("--shard", min=1, metavar="N", help="Images in one part: the unit of work and of resuming.")
    ] = 4096,
    runner: Annotated[
        str,
        typer.Option("--runner", metavar="local|ray", help="Processes of this machine, or actors of a Ray cluster."),
    ] = "local",
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers", min=1, metavar="N", help="Processes or actors; by default one for each GPU, else one (local)."
        ),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Keep the parts in DIR and make the missing ones.")] = False,
    min_score: MinScore = None,
    max_pixels: MaxPixels = None,
    stretch: Stretch = False,
    as_json: Json = False,
    device: Device = None,
    batch: Batch = 8,
    precision: Precision = None,
    engine: Engine = None,
) -> None:
    """Detect objects in any number of images and write them as Parquet.

    DIR gets _manifest.json and a file part-00000.parquet for each --shard images, with one row for each image: image,
    width, height, error, detections. An image that cannot be read is a row with its error. Killed at any moment, the
    same command with --resume makes the missing parts.
    """
    from multibox.batch.run import run_batch
    from multibox.weights.registry.detectors import DEFAULT

    if engine in ("local", "ray"):
        raise UsageError(f"engine {engine!r} is not known: to choose where shards are computed, use --runner {engine}")
    with progress_bar("detecting") as advance:
        summary = run_batch(
            source,
            out=out,
            weights=weights or DEFAULT.name,
            shard=shard,
            runner=runner,
            workers=workers,
            resume=resume,
            min_score=min_score or 0.0,
            device=device,
            engine=engine,
            precision=precision,
            batch_size=batch,
            progress=advance,
        )
    if as_json:
        print_json(summary.to_json())
    say(_line(summary, out))


def _line(summary: "BatchSummary", out: str) -> str:
    """3 shards, 12,288 images (2 cannot be read) in 93.1 s, 132.0 images/s; 40 shards in DIR

    The rate is that without the time of loading.
    """
    if not summary.shards:
        return f"nothing to do: {out} has all {counted(summary.kept, 'shard')}"
    rate = summary.images / max(summary.seconds - summary.load_seconds, 1e-9)
    broken = f" ({summary.errors:,} cannot be read)" if summary.errors else ""
    done = f"{counted(summary.shards, 'shard')}, {counted(summary.images, 'image')}{broken} in {summary.seconds:.1f} s"
    return f"{done}, {rate:.1f} images/s; {counted(summary.kept + summary.shards, 'shard')} in {out}"
