"""`multibox explain`: why a detector finds what it finds in one image."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from multibox.cli.console import print_json
from multibox.cli.options import (
    Device,
    Engine,
    Json,
    MaxPixels,
    OptionalData,
    Precision,
    Split,
    Stretch,
    check_belongs,
)
from multibox.weights.registry.detectors import DEFAULT

if TYPE_CHECKING:
    from multibox.data.dataset import Example
    from multibox.detection.detector import Detector
    from multibox.detection.explain.explanation import Explanation


def explain(
    image: Annotated[Path, typer.Argument(metavar="IMAGE", help="An image file.")],
    *,
    weights: Annotated[
        str, typer.Option("--weights", "-w", metavar="FILE", help="Weight file, model of --end raw, or published name.")
    ] = DEFAULT.name,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="Folder to write to.")] = Path("explanation"),
    min_score: Annotated[
        float, typer.Option("--min-score", min=0, max=1, metavar="SCORE", help="Explain detections from this score on.")
    ] = 0.3,
    data: OptionalData = None,
    split: Split = None,
    max_pixels: MaxPixels = None,
    stretch: Stretch = False,
    as_json: Json = False,
    device: Device = None,
    precision: Precision = None,
    engine: Engine = None,
) -> None:
    """Explain each detection in an image: its prior, its scores, and the boxes that it suppressed.

    With --data, the data set that has the image, also which priors training matches to each object, and why an object
    was missed. Writes report.html, explanation.json and a PNG for each view into a new or empty folder.
    """
    from multibox.detection.detector import Detector
    from multibox.detection.explain.explain import explain as explain_image
    from multibox.detection.explain.folder import MADE_BY, NUMBERS, REPORT, write_explanation
    from multibox.images.decode import read_image
    from multibox.system.result_folder import prepare_result_folder

    check_belongs("--split", split, to="--data", given=data is not None)
    pixels = read_image(image)
    detector = Detector.load(weights, device=device, precision=precision, engine=engine, images=1)
    labels = _labels(image, data, split=split, detector=detector) if data else None
    prepare_result_folder(out, numbers=NUMBERS, made_by=MADE_BY)
    explanation = explain_image(detector, pixels, min_score=min_score, labels=labels)
    write_explanation(out, explanation, pixels, name=image.name, detector=detector.engine.config.description)
    if as_json:
        print_json({"image": str(image), **explanation.to_json()})
    else:
        print(_text(explanation))
        print(out / REPORT)


def _labels(image: Path, data: Path, *, split: str | None, detector: "Detector") -> "Example":
    """The objects of the image in the data set, of the detector's classes."""
    from multibox.data.load import load_dataset
    from multibox.detection.explain.labels import labels_of

    return labels_of(image, load_dataset(data, split=split), class_names=detector.class_names)


def _text(explanation: "Explanation") -> str:
    """A line for each detection, and one for each object."""
    lines = [f"{number} {found}" for number, found in enumerate(explanation.detections, 1)]
    lines = lines or [f"nothing has a score of {explanation.min_score:g} or more"]
    return "\n".join([*lines, *(f"{thing.name}: {thing.reason}" for thing in explanation.objects or ())])
