"""Matching against FindMatches of the official bbox_util.cpp, for 40 images and the VOC300 priors."""

import numpy as np
import pytest
import torch

from multibox.matching import Matches, match
from multibox.priors import SPECS, make_prior_corners
from oracles.official import EDITIONS, Official, official, padded

SETS = ("difficult_used", "difficult_skipped")


def ours(arrays: Official, name: str) -> tuple[Matches, np.ndarray]:
    """Our matches of all images in one batch, and the row numbers of their objects."""
    images = arrays.kept("images", int(arrays["num_images"]))
    boxes, _, valid, rows = padded(arrays["gt"], images, difficult=name == "difficult_used")
    priors = torch.from_numpy(make_prior_corners(SPECS["ssd300-voc"]))
    return match(priors, torch.from_numpy(boxes), torch.from_numpy(valid)), rows


@pytest.mark.parametrize("edition", EDITIONS)
@pytest.mark.parametrize("name", SETS)
def test_indices(name: str, edition: str) -> None:
    """The object of every prior of every image is exactly the official one; none if no object counts."""
    arrays = official("matching", edition=edition)
    matches, rows = ours(arrays, name)
    index = matches.index.numpy()
    assert np.array_equal(index, arrays[f"match_local_{name}"])
    row = np.where(index >= 0, np.take_along_axis(rows, index.clip(0), axis=1), -1)
    assert np.array_equal(row, arrays[f"match_row_{name}"])
    assert not matches.positive.numpy()[arrays[f"has_entry_{name}"] == 0].any()


@pytest.mark.parametrize("edition", EDITIONS)
@pytest.mark.parametrize("name", SETS)
def test_overlaps(name: str, edition: str) -> None:
    """The overlap kept for every prior is the official one within 1e-6, and 0 in the same places."""
    arrays = official("matching", edition=edition)
    expected = arrays[f"max_overlap_{name}"]
    overlap = ours(arrays, name)[0].overlap.numpy()[: len(expected)]
    np.testing.assert_allclose(overlap, expected, rtol=0, atol=1e-6)
    assert np.array_equal(overlap == 0, expected == 0)
