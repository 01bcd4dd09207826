"""Options of `multibox detect` alone."""

from typing import Annotated

import typer

from multibox.detection.output.formats import FORMAT_NAMES

Form = Annotated[
    str | None,
    typer.Option(
        "--format", "-f", metavar="|".join(FORMAT_NAMES), help="Write detections in this form: to --out, or print them."
    ),
]
Crops = Annotated[bool, typer.Option("--crops", help="Write a cut-out of each detection into --out/crops/CLASS.")]
DetectedClasses = Annotated[
    str | None, typer.Option("--classes", metavar="A,B", help="Keep only detections of these classes.")
]
Time = Annotated[bool, typer.Option("--time", help="Measure each stage and print the times: medians for images.")]
Every = Annotated[int, typer.Option("--every", min=1, metavar="N", help="Use every N-th frame of a video.")]
Start = Annotated[
    float, typer.Option("--from", min=0, metavar="SECONDS", help="Begin at this time of a video; continues results.")
]
End = Annotated[float | None, typer.Option("--to", min=0, metavar="SECONDS", help="End before this time of a video.")]
Rate = Annotated[float, typer.Option("--rate", metavar="N", help="Frames per second of an image sequence.")]
Hardware = Annotated[
    str | None,
    typer.Option("--hardware", metavar="NAME", help="Decode videos on cuda, vaapi, qsv or videotoolbox if possible."),
]
Show = Annotated[bool, typer.Option("--show", help="Show the drawn video in a window; q or Escape closes it.")]
Track = Annotated[bool, typer.Option("--track", help="Follow objects through the frames of a video.")]
Lines = Annotated[
    list[str] | None,
    typer.Option(
        "--line", metavar="[NAME=]X1,Y1,X2,Y2", help="Count tracks that cross this line, in pixels. Repeatable."
    ),
]
Zones = Annotated[
    list[str] | None,
    typer.Option("--zone", metavar="[NAME=]X1,Y1,...", help="Count tracks inside this polygon, in pixels. Repeatable."),
]
AnchorPoint = Annotated[
    str,
    typer.Option("--anchor", metavar="center|bottom", help="Point of a box that crosses lines and is in zones."),
]
Timeout = Annotated[
    float, typer.Option("--timeout", min=0.1, metavar="SECONDS", help="Connect again to a stream that stalls so long.")
]
SaveVideo = Annotated[bool, typer.Option("--save-video", help="Write NAME.mp4 with drawn detections into --out.")]
