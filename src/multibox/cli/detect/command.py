"""`multibox detect`: find objects in images and videos."""

from pathlib import Path
from typing import Annotated

import typer

from multibox.cli.console import say
from multibox.cli.detect import images as image_files
from multibox.cli.detect import videos as video_files
from multibox.cli.detect.options import (
    AnchorPoint,
    Crops,
    DetectedClasses,
    End,
    Every,
    Form,
    Hardware,
    Lines,
    Rate,
    SaveVideo,
    Show,
    Start,
    Time,
    Timeout,
    Track,
    Zones,
)
from multibox.cli.detect.wanted import Wanted
from multibox.cli.options import (
    Batch,
    ClassMap,
    Device,
    Engine,
    Json,
    MaxPixels,
    MinScore,
    Overlap,
    Precision,
    Stretch,
    Tiles,
    in_tiles,
    split_names,
)
from multibox.detection.engines.load import why_chosen
from multibox.system.launcher import place


def detect(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="SOURCE",
            help="Images, folders of images, patterns such as 'photos/*.jpg', or a video: a file, a sequence such as "
            "frame-%04d.jpg, camera:0, rtsp://HOST/PATH, http://HOST/PATH.",
        ),
    ],
    *,
    weights: Annotated[
        str | None,
        typer.Option(
            "--weights",
            "-w",
            metavar="FILE",
            help="Weight file, exported model or published name; by default lite320-animals.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="DIR",
            help="Folder for results: drawn images or what --format and --crops name; for videos NAME.jsonl.",
        ),
    ] = None,
    form: Form = None,
    crops: Crops = False,
    classes: DetectedClasses = None,
    names: ClassMap = None,
    tiles: Tiles = None,
    overlap: Overlap = None,
    max_pixels: MaxPixels = None,
    stretch: Stretch = False,
    as_json: Json = False,
    min_score: MinScore = None,
    device: Device = None,
    batch: Batch = 8,
    precision: Precision = None,
    engine: Engine = None,
    every: Every = 1,
    start: Start = 0.0,
    end: End = None,
    rate: Rate = 25.0,
    hardware: Hardware = None,
    save_video: SaveVideo = False,
    show: Show = False,
    track: Track = False,
    lines: Lines = None,
    zones: Zones = None,
    anchor: AnchorPoint = "center",
    timeout: Timeout = 10.0,
    time: Time = False,
) -> None:
    """Find objects in images and videos.

    Prints one line per image or frame with all scores from 0.5, or with --json an array with one entry per image:
    image, width, height, and all detections with box (x1, y1, x2, y2 in pixels), score, label and name; entries of
    frames begin with index and time. --min-score changes both limits. An image that cannot be read is reported on
    standard error, the others are processed, and the exit code is 1. Processes started by torchrun share the images;
    the first one prints and draws. Ctrl-C ends a video with complete files. Of cameras and streams only the newest
    frame is processed, and lost connections are made again.
    """
    from multibox.detection.detector import Detector
    from multibox.video.reader import Range
    from multibox.weights.registry.detectors import DEFAULT

    wanted = Wanted(out, form, as_json, crops, split_names(classes), min_score)
    wanted.check()
    chosen = Range(every, start, end, rate, hardware, timeout)
    shapes = tuple(lines or ()), tuple(zones or ())
    options = video_files.VideoOptions(chosen, save_video, show, track, *shapes, anchor)
    videos = video_files.find(sources, wanted, options, time=time)
    images = None if videos else image_files.find(sources, wanted, time=time)
    file, number = weights or DEFAULT.name, images.number if images else None
    detector = Detector.load(file, device=device, precision=precision, engine=engine, batch_size=batch, images=number)
    detector.rename_classes(names or [])
    detector = in_tiles(detector, tiles, overlap)
    if weights is None and place().first:
        say(f"{DEFAULT.name} finds {', '.join(DEFAULT.class_names)}; --weights selects another detector")
    if videos:
        video_files.detect_videos(videos, detector, wanted)
    elif images:
        reason = why_chosen(file, device=device, engine=engine, images=images.number)
        image_files.detect_images(images, detector, wanted, time=time, reason=reason)
