"""A tiled detector against a plain one on the tiles."""

from pathlib import Path

import numpy as np
import pytest

from multibox.detection.detector import Detector
from multibox.detections import Detections
from multibox.errors import DataError, UsageError
from tiny_detector import noise_image, tiny_model


@pytest.fixture(scope="module")
def detector() -> Detector:
    return Detector(tiny_model(), batch_size=3)


def test_one_tile_is_the_plain_detector(detector: Detector):
    """Tiles 1x1, and automatic ones of a small image, against the detector itself."""
    image = noise_image(seed=1)
    expected = detector(image)
    for tiles in ("1x1", "auto"):
        found = detector.tiled(tiles)(image)
        np.testing.assert_array_equal(found.boxes, expected.boxes)
        np.testing.assert_array_equal(found.scores, expected.scores)


def test_every_box_comes_from_a_tile(detector: Detector):
    """Boxes with a prior against the detections of the plain detector in the tiles and in the whole image."""
    image = noise_image(seed=2, width=200, height=100)
    parts = {(0, 0): image[:, :111], (89, 0): image[:, 89:], (-1, 0): image}
    expected = []
    for (left, _), part in parts.items():
        found = detector(np.ascontiguousarray(part))
        expected.append(found.boxes + np.float32([max(left, 0), 0, max(left, 0), 0]))
    found = detector.tiled("1x2", overlap=0.2)(image)
    assert found.image_size == (100, 200)
    known = np.concatenate(expected)
    for box in found.boxes[found.priors >= 0]:
        assert np.abs(known - box).max(axis=1).min() < 0.05
    assert (np.diff(found.scores) <= 0).all()
    assert 0 < len(found) <= detector.engine.config.model.detection.per_image


def test_lists_keep_their_order_and_errors(detector: Detector, tmp_path: Path):
    """Images of different sizes and a missing one, in one list, against each alone."""
    tiled = detector.tiled("2x2")
    images = [noise_image(seed=n, width=60 + 70 * n, height=90) for n in range(4)]
    results = list(tiled.try_each([images[0], tmp_path / "none.jpg", *images[1:]], batch_size=7))
    assert isinstance(results.pop(1), DataError)
    for image, result in zip(images, results, strict=True):
        assert isinstance(result, Detections)
        alone = tiled(image)
        np.testing.assert_allclose(result.boxes, alone.boxes, atol=0.01)
    with pytest.raises(DataError, match=r"none\.jpg"):
        tiled([images[0], tmp_path / "none.jpg"])


def test_times_are_refused(detector: Detector):
    """Stage times against UsageError."""
    with pytest.raises(UsageError, match="leave out --tiles or --time"):
        detector.tiled("2x2").timed(noise_image(seed=1))
