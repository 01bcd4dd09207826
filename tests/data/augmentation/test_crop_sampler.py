import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from multibox.data.augmentation.crop_sampler import CropSampler, candidates, random_patches, sample_crop

SEEDS = st.integers(0, 2**32 - 1)
RULES = [CropSampler(), CropSampler(scale=(0.1, 1.0), aspect_drawn="where_it_fits")]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.aspect_drawn)
@given(seed=SEEDS)
def test_patches_are_inside_and_within_their_ranges(rule: CropSampler, seed: int) -> None:
    """Corners, area and aspect of 100 patches, against the ranges of the sampler."""
    x1, y1, x2, y2 = random_patches(100, sampler=rule, rng=np.random.default_rng(seed)).astype(np.float64).T
    width, height = x2 - x1, y2 - y1
    assert min(x1.min(), y1.min()) >= 0
    assert max(x2.max(), y2.max()) <= 1 + 1e-6
    scale = np.sqrt(width * height)
    assert scale.min() > rule.scale[0] - 1e-6
    assert ((width / height > 0.5 - 1e-5) & (width / height < 2 + 1e-5)).all()


@given(seed=SEEDS)
def test_a_candidate_meets_the_bound_of_its_sampler(seed: int) -> None:
    """The largest IoU of each accepted patch with three objects, by a loop, against the bound of its sampler."""
    rng = np.random.default_rng(seed)
    corners = rng.random((3, 2)) * 0.6
    objects = np.concatenate([corners, corners + rng.uniform(0.05, 0.4, (3, 2))], axis=1)
    patches, which = candidates(objects, sampler=CropSampler(), rng=rng)
    assert (np.diff(which) > 0).all()
    assert which[-1] == 5
    for (x1, y1, x2, y2), sampler in zip(patches.astype(float), which, strict=True):
        best = 0.0
        for a1, b1, a2, b2 in objects:
            common = max(0, min(x2, a2) - max(x1, a1)) * max(0, min(y2, b2) - max(y1, b1))
            best = max(best, common / ((x2 - x1) * (y2 - y1) + (a2 - a1) * (b2 - b1) - common))
        assert sampler == 5 or best >= CropSampler().min_overlaps[sampler] - 1e-6


def test_without_objects_there_is_only_the_whole_view() -> None:
    """An image without objects is never cropped."""
    rng = np.random.default_rng(0)
    nothing = np.zeros((0, 4))
    for _ in range(20):
        assert sample_crop(nothing, sampler=CropSampler(), rng=rng).tolist() == [0, 0, 1, 1]


def test_a_sampler_without_success_is_left_out() -> None:
    """One tiny object: no patch can reach an IoU of 0.1 with it, so only the whole view and the last sampler remain."""
    patches, which = candidates(np.array([[0.5, 0.5, 0.51, 0.51]]), sampler=CropSampler(), rng=np.random.default_rng(0))
    assert which.tolist() == [5]
    assert len(patches) == 1
