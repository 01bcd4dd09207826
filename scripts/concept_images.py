"""Make the images of docs/concepts.md from a finished `multibox demo`.

    python -m scripts.concept_images DEMO docs/concepts

DEMO is the folder that `make demo` writes. One of its generated test images is explained with the detector that the
demo trained, so that everything in the images comes from this repository.
"""

import sys
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import UInt8

from multibox.data.load import load_dataset
from multibox.detection.detector import Detector
from multibox.detection.explain.explain import explain
from multibox.detection.explain.explanation import Box
from multibox.detection.explain.views import draw_detection, draw_object, draw_score_map
from multibox.drawing.grid import in_rows
from multibox.images.decode import read_image
from multibox.images.write import write_image
from multibox.tiling.panels import draw_priors

IMAGE = 17  # a test image with small and large shapes of several classes
WIDTH = 640

Image = UInt8[np.ndarray, "_ _ 3"]


def make_images(demo: Path, out: Path) -> None:
    """Write the images into a folder."""
    dataset = load_dataset(demo / "scenes", split="test")
    detector = Detector.load(demo / "run" / "last.safetensors")
    example = dataset[IMAGE]
    pixels = read_image(example.image)
    found = explain(detector, pixels, min_score=0.5, labels=example)
    assert found.objects is not None
    largest = max((thing for thing in found.objects if thing.detection is not None), key=lambda thing: _area(thing.box))
    spec = detector.engine.config.model.priors
    out.mkdir(parents=True, exist_ok=True)
    write_image(
        out / "priors.jpg", _fitted(draw_priors(spec, image=pixels, cells={1: [(6, 9)], 2: [(3, 4)], 3: [(2, 2)]}))
    )
    write_image(out / "matching.jpg", _fitted(draw_object(pixels, largest)))
    write_image(out / "scores.jpg", _maps(pixels, [draw_score_map(pixels, one) for one in found.maps[:4]]))
    write_image(out / "detection.jpg", _fitted(draw_detection(pixels, found.detections[0])))


def _area(box: Box) -> float:
    x1, y1, x2, y2 = box
    return (x2 - x1) * (y2 - y1)


def _maps(pixels: Image, drawings: list[Image]) -> Image:
    return _fitted(in_rows(drawings, columns=2, gap=10))


def _fitted(image: Image) -> Image:
    height, width = image.shape[:2]
    return cv2.resize(image, (WIDTH, round(height * WIDTH / width)), interpolation=cv2.INTER_AREA)


if __name__ == "__main__":
    make_images(Path(sys.argv[1]), Path(sys.argv[2]))
