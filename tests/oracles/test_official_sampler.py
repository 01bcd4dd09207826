"""The crop sampler against 2,000 runs of the official C++ sampler on each of 61 layouts (sampler.npz)."""

from functools import cache

import numpy as np
import pytest

from multibox.data.augmentation import view as views
from multibox.data.augmentation.crop_sampler import CropSampler, candidates, random_patches, sample_crop
from oracles.distributions import ks_distance, share_z
from oracles.official import EDITIONS, Official, official

RUNS = 150
LAYOUTS = 61
SAMPLER = CropSampler()


def objects_of(arrays: Official, layout: int) -> np.ndarray:
    rows = arrays["objects"]
    return rows[rows[:, 0] == layout][:, 2:6].astype(np.float64)


def runs_of(arrays: Official) -> int:
    return int(arrays["runs"])


@cache
def drawn() -> tuple[np.ndarray, np.ndarray]:
    """For each layout RUNS patches, and which of the seven samplers had a candidate in RUNS other calls."""
    arrays, rng = official("sampler", edition="compact"), np.random.default_rng(0)
    patches = np.empty((LAYOUTS, RUNS, 4))
    succeeded = np.zeros((LAYOUTS, RUNS, 7), bool)
    succeeded[:, :, 0] = True
    for layout in range(LAYOUTS):
        objects = objects_of(arrays, layout)
        for run in range(RUNS):
            patches[layout, run] = sample_crop(objects, sampler=SAMPLER, rng=rng)
            if len(objects):
                succeeded[layout, run, 1 + candidates(objects, sampler=SAMPLER, rng=rng)[1]] = True
    return patches, succeeded


def centers_inside(arrays: Official, layout: int) -> np.ndarray:
    """For each drawn patch of a layout, the number of objects that the emit rule keeps."""
    objects = objects_of(arrays, layout).astype(np.float32)
    kept = [
        views.emitted(views.relative(objects, views.View(tuple(p), (0, 0, 1, 1)))) for p in drawn()[0][layout].tolist()
    ]
    return np.array([mask.sum() for mask in kept])


def test_each_sampler_succeeds_as_often() -> None:
    """Share of calls in which a sampler delivers, 61 layouts x 7 samplers.

    Level: no two-proportion z beyond 4.5 (chance below .003 for all 427), and the sum of z squared no more than 4
    standard deviations above its mean for the comparisons that have both outcomes.
    """
    arrays = official("sampler", edition="compact")
    z = share_z(drawn()[1].mean(axis=1), RUNS, arrays["success_rate"], runs_of(arrays))
    assert np.abs(z).max() < 4.5
    count = np.count_nonzero(z)
    assert count > 100
    assert (z**2).sum() < count + 4 * np.sqrt(2 * count)


def test_as_many_candidates() -> None:
    """Mean number of samplers that deliver, per layout: within .35 of 7, and .02 over all layouts."""
    arrays = official("sampler", edition="compact")
    difference = drawn()[1].sum(axis=2).mean(axis=1) - arrays["mean_num_candidates"]
    assert np.abs(difference).max() < 0.35
    assert abs(difference.mean()) < 0.02


def test_the_whole_image_is_chosen_as_often() -> None:
    """Share of whole-image draws per layout, |z| < 4.2 (chance below .002 for all 61)."""
    arrays = official("sampler", edition="compact")
    whole = (drawn()[0] == [0, 0, 1, 1]).all(axis=2).mean(axis=1)
    z = share_z(whole, RUNS, arrays["share_whole_image"], runs_of(arrays))
    assert np.abs(z).max() < 4.2
    assert whole[60] == 1


@pytest.mark.parametrize("edition", EDITIONS)
def test_chosen_boxes_are_distributed_alike(edition: str) -> None:
    """Corners, width, height and aspect of the chosen patches, against the 500 official ones of each stored layout.

    Level: two-sample Kolmogorov-Smirnov, scaled distance below 2.6 (chance below 3e-6 each, .001 for all).
    """
    arrays = official("sampler", edition=edition)
    draws = arrays["draws_u16"] / 65535 if edition == "compact" else arrays["draws"]
    for layout, expected in zip(arrays.kept("draws", LAYOUTS), draws, strict=True):
        found = drawn()[0][layout].round(4)
        for name, a, b in zip(
            ["x1", "y1", "x2", "y2", "w", "h", "aspect"], numbers(found), numbers(expected.round(4)), strict=True
        ):
            assert ks_distance(a, b) < 2.6, (layout, name)


def numbers(boxes: np.ndarray) -> np.ndarray:
    width, height = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    return np.array([*boxes.T, width.round(3), height.round(3), (width / height).round(2)])


def test_as_many_objects_stay() -> None:
    """Numbers of objects whose centers the patch holds: shares of 0 to 8 per layout.

    Level: |z| < 4.7 (chance below .002 for all 549); the share without any object, pooled over layouts, within .012.
    """
    arrays = official("sampler", edition="compact")
    counts = np.array([centers_inside(arrays, layout) for layout in range(LAYOUTS)])
    shares = (counts[:, :, None] == np.arange(9)).mean(axis=1)
    z = share_z(shares, RUNS, arrays["hist_num_centres_inside"], runs_of(arrays))
    assert np.abs(z).max() < 4.7
    assert shares[:, 0].mean() == pytest.approx(arrays["share_no_centre_inside"].mean(), abs=0.012)


@pytest.mark.parametrize("edition", EDITIONS)
def test_raw_boxes_are_distributed_alike(edition: str) -> None:
    """SampleBBox without constraint, 100,000 draws against the official 200,000 and the stored single ones.

    Level: means within .004, quantiles within .012, shares of full width and height within .006 (about 4 standard
    errors each); Kolmogorov-Smirnov against the single ones below 2.2 (chance below 2e-4 each).
    """
    arrays = official("sampler", edition=edition)
    found = random_patches(100_000, sampler=SAMPLER, rng=np.random.default_rng(7)).astype(np.float64)
    width, height = found[:, 2] - found[:, 0], found[:, 3] - found[:, 1]
    table = np.array([width, height, width / height, np.sqrt(width * height)])
    np.testing.assert_allclose(table.mean(axis=1), arrays["raw_mean_w_h_aspect_scale"], atol=0.004)
    quantiles = np.quantile(table, arrays["quantile_levels"] / 100, axis=1).T
    np.testing.assert_allclose(quantiles, arrays["raw_quantiles_w_h_aspect_scale"], atol=0.012)
    full = [(width > 0.999999).mean(), (height > 0.999999).mean()]
    np.testing.assert_allclose(full, arrays["raw_share_full_side"], atol=0.006)
    for a, b in zip(numbers(found[:20_000].round(4)), numbers(arrays["raw_draws"].round(4)), strict=True):
        assert ks_distance(a, b) < 2.2
