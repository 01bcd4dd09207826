"""Every engine against the model in PyTorch in float32: the same detections, within the engine's tolerance."""

import numpy as np
import pytest

from engine_cases import (
    Tolerance,
    agreement,
    busy_image,
    empty_image,
    small_thing_image,
    steady_model,
)
from every_engine import CASES, Engines
from multibox.detection.detector import Detector
from shared_data import shared

EXACT = Tolerance(score=2e-4, iou=0.999, share=0.99)
BFLOAT16 = Tolerance(score=0.06, iou=0.75, share=0.9)
INT8 = Tolerance(score=0.15, iou=0.55, share=0.7)
TOLERANCES = {"bf16": BFLOAT16, "int8": INT8}
"""By precision; all others are exact."""


@pytest.fixture(scope="module")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Engines:
    return Engines(steady_model(), tmp_path_factory.mktemp("engines"))


@pytest.fixture(params=CASES)
def engine(request: pytest.FixtureRequest, engines: Engines) -> tuple[Detector, Tolerance]:
    _, precision = CASES[request.param]
    return engines[request.param], TOLERANCES.get(precision, EXACT)


def assert_agrees(detector: Detector, tolerance: Tolerance, expected: Detector, images: list) -> None:
    """Alone and five at a time, every image's detections are the reference's."""
    wanted = expected(images)
    for found in (detector(images, batch_size=5), detector(images, batch_size=1)):
        for one, other in zip(found, wanted, strict=True):
            assert one.image_size == other.image_size
            assert abs(len(one) - len(other)) <= (1 - tolerance.share) * 200
            assert agreement(one, other, tolerance=tolerance) >= tolerance.share


def test_detections_are_the_models_on_generated_images(engine: tuple[Detector, Tolerance], engines: Engines):
    """Images with no, some and very many detections, in batches of 1 and 5, against PyTorch."""
    images = [busy_image(seed=1), empty_image(), small_thing_image(seed=2), busy_image(seed=3)]
    assert_agrees(*engine, engines["torch"], [*images, small_thing_image(seed=4)])


def test_detections_are_the_models_on_photographs(engine: tuple[Detector, Tolerance], engines: Engines):
    """Photographs of several sizes, in batches of 1 and 5, against PyTorch."""
    photographs = sorted(shared("data/voc_100/VOC2012/JPEGImages").glob("*.jpg"))[:5]
    assert_agrees(*engine, engines["torch"], photographs)


def test_an_empty_image_has_no_detections(engine: tuple[Detector, Tolerance]):
    """No rows for an image of the mean color, for which all scores except the background's are below 0.001."""
    found = engine[0](empty_image())
    assert len(found) == 0
    assert found.boxes.shape == (0, 4)


def test_detections_have_the_documented_form(engine: tuple[Detector, Tolerance]):
    """Types, order, limits and the number of rows of a full result against the documentation of `Detections`."""
    detector, _ = engine
    found = detector(busy_image(seed=1))
    assert len(found) > 150
    assert (found.boxes.dtype, found.scores.dtype, found.labels.dtype) == (np.float32, np.float32, np.int64)
    assert (np.diff(found.scores) <= 0).all()
    assert ((found.boxes >= 0) & (found.boxes <= 300)).all()
    assert (found.boxes[:, :2] < found.boxes[:, 2:]).all()
    assert set(found.labels) <= {0, 1, 2, 3}
    assert detector.engine.config.description
    assert detector.timed(busy_image(seed=1))[1]["network"] > 0
