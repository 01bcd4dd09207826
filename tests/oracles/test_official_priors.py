"""Priors against those of the official PriorBox layer."""

from dataclasses import replace

import numpy as np
import pytest

from multibox.coder import VARIANCES
from multibox.priors import SPECS, PriorSpec, make_prior_corners
from oracles.official import EDITIONS, official

SETS = {"voc300": "ssd300-voc", "coco300": "ssd300-coco", "voc512": "ssd512-voc", "coco512": "ssd512-coco"}


def as_official(name: str) -> PriorSpec:
    """Our numbers with sizes cut to whole pixels, as in the official layer (this changes only the 512 sets)."""
    return replace(SPECS[SETS[name]], truncate=True)


@pytest.mark.parametrize("edition", EDITIONS)
@pytest.mark.parametrize("name", SETS)
def test_corners(name: str, edition: str) -> None:
    """Every corner of every prior equals the official float32 number, bit for bit."""
    arrays = official("priors", edition=edition)
    ours = make_prior_corners(as_official(name))
    assert np.array_equal(ours[arrays.kept(name, len(ours))], arrays[name])


@pytest.mark.parametrize("name", ["voc300", "coco300"])
def test_truncation_changes_nothing_at_300(name: str) -> None:
    """The 300 sets, whose sizes are whole pixels, are the same with and without truncation."""
    assert np.array_equal(make_prior_corners(as_official(name)), make_prior_corners(SPECS[SETS[name]]))


@pytest.mark.parametrize("edition", EDITIONS)
def test_clipped_corners(edition: str) -> None:
    """The extra configuration (VOC300 with clip) equals the official float32 numbers, bit for bit."""
    arrays = official("priors", edition=edition)
    ours = make_prior_corners(replace(SPECS["ssd300-voc"], clip=True))
    assert np.array_equal(ours[arrays.kept("extra_boxes", len(ours))], arrays["extra_boxes"])


@pytest.mark.parametrize("name", SETS)
def test_numbers_given_to_the_layer(name: str) -> None:
    """Sizes, steps, cells and variances of our specs equal what the official layer was given (sizes to 1e-9 pixels)."""
    arrays = official("priors", edition="compact")
    maps = SPECS[SETS[name]].maps
    np.testing.assert_allclose([m.min_size for m in maps], arrays[f"{name}_min_sizes"], rtol=0, atol=1e-9)
    np.testing.assert_allclose([m.max_size for m in maps], arrays[f"{name}_max_sizes"], rtol=0, atol=1e-9)
    assert np.array_equal([m.step for m in maps], np.stack([arrays[f"{name}_steps"]] * 2, axis=1))
    assert np.array_equal([m.cells for m in maps], np.stack([arrays[f"{name}_feature_maps"]] * 2, axis=1))
    assert np.array_equal(np.float32(VARIANCES), arrays[f"{name}_variance"])
