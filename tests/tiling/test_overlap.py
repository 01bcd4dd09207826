"""Best IoU of objects with a tiling, computed from one shape, against all priors one by one."""

from dataclasses import replace

import numpy as np
import pytest

from multibox.errors import UsageError
from multibox.models.config import ssdlite320_config
from multibox.priors import SPECS, PriorMap, PriorSpec, Step, make_prior_corners
from multibox.size import Size
from multibox.tiling.overlap import PriorOverlap

SMALL = PriorSpec(
    Size(120, 160),
    (
        PriorMap(Size(5, 6), Step(24.0, 28.0), 20.0, 35.0, (2.0,)),
        PriorMap(Size(2, 3), Step(60.0, 54.0), 70.0, None, ()),
    ),
)


def slow_best(box: list[float], priors: list[list[float]]) -> float:
    """The largest intersection over union of two rectangles given by corners, written from the definition."""
    best = 0.0
    for prior in priors:
        wide = min(box[2], prior[2]) - max(box[0], prior[0])
        high = min(box[3], prior[3]) - max(box[1], prior[1])
        common = max(wide, 0) * max(high, 0)
        areas = [(b[2] - b[0]) * (b[3] - b[1]) for b in (box, prior)]
        best = max(best, common / (sum(areas) - common))
    return best


@pytest.mark.parametrize(
    "spec",
    [
        SMALL,
        replace(SMALL, clip_centers=True),
        replace(SMALL, clip_sizes=True, truncate=True),
        SPECS["ssd300-voc"].keep([2, 3, 4, 5]),
        ssdlite320_config().priors.keep([1, 2, 5]),
    ],
)
def test_against_all_priors(spec: PriorSpec) -> None:
    """Random objects against the definition of IoU with every prior of the tiling."""
    height, width = spec.input_size
    rng = np.random.default_rng(1)
    corners = np.sort(rng.random((30, 2, 2)), axis=1) * [width, height]
    corners[:, 1] += 2
    objects = np.concatenate([(corners[:, 0] + corners[:, 1]) / 2, corners[:, 1] - corners[:, 0]], axis=1)
    overlap = PriorOverlap(objects, spec)
    found = np.max([overlap.of(number, source) for number, source in enumerate(spec.maps)], axis=0)
    priors = (make_prior_corners(spec).astype(np.float64) * [width, height, width, height]).tolist()
    wanted = [slow_best([*low, *high], priors) for low, high in corners.tolist()]
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-6)


def test_priors_cut_to_the_image_are_refused() -> None:
    """Priors whose shape depends on the cell against an error of one line."""
    with pytest.raises(UsageError, match="cut to the image"):
        PriorOverlap(np.ones((1, 4)), replace(SMALL, clip=True))
