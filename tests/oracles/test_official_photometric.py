"""Color distortion against the images that the official C++ functions made (photometric.npz)."""

import numpy as np
import pytest

from multibox.data.augmentation.color import ColorChange, ColorJitter
from oracles.official import EDITIONS, Official, official


@pytest.fixture(params=EDITIONS)
def arrays(request: pytest.FixtureRequest) -> Official:
    return official("photometric", edition=request.param)


def changed(arrays: Official, change: ColorChange) -> np.ndarray:
    """The official image, given and returned in BGR order."""
    rgb = np.ascontiguousarray(arrays["image_bgr"][:, :, ::-1])
    return change.apply(rgb)[:, :, ::-1]


@pytest.mark.parametrize("step", ["brightness", "contrast", "saturation", "hue"])
def test_each_step_equals_the_official_one(arrays: Official, step: str) -> None:
    """AdjustBrightness, AdjustContrast, AdjustSaturation and AdjustHue at six to nine amounts, pixel for pixel."""
    for amount, expected in zip(arrays[f"{step}_delta"], arrays[f"{step}_out"], strict=True):
        found = changed(arrays, ColorChange(**{step: float(amount)}))
        np.testing.assert_array_equal(found, expected, err_msg=f"{step} {amount}")


@pytest.mark.parametrize("early", [True, False])
def test_the_chain_equals_the_official_one(arrays: Official, early: bool) -> None:
    """All four steps in both official orders, pixel for pixel."""
    expected = arrays["chain_contrast_second" if early else "chain_contrast_last"]
    for amounts, image in zip(arrays["chain_b_c_s_h"], expected, strict=True):
        found = changed(arrays, ColorChange(*amounts.tolist(), contrast_early=early))
        np.testing.assert_array_equal(found, image)


def test_random_changes_are_as_strong_as_the_official_ones() -> None:
    """Mean change and share of untouched images over 4,000 draws, against ApplyDistort with the VOC parameters.

    Level: the share within 4 standard errors of its difference (.022), each quantile and the mean within 12 %.
    """
    full = official("photometric", edition="full")
    rgb = np.ascontiguousarray(full["image_bgr"][:, :, ::-1])
    rng = np.random.default_rng(5)
    changes = [ColorJitter().draw(rng).apply(rgb) for _ in range(4000)]
    strength = np.array([np.abs(image.astype(int) - rgb).mean() for image in changes])
    assert np.mean(strength == 0) == pytest.approx(float(full["apply_distort_pascal_share_untouched"]), abs=0.022)
    found = [strength.mean(), *np.quantile(strength, [0.25, 0.5, 0.75, 0.95])]
    np.testing.assert_allclose(found, full["apply_distort_pascal_mean_abs_change"], rtol=0.12)


def test_both_orders_are_equally_likely() -> None:
    """Share of draws with contrast before saturation, against the official counts, within 5 standard errors (.08)."""
    counts = official("photometric", edition="compact")["apply_distort_order_counts"]
    rng = np.random.default_rng(0)
    early = np.mean([ColorJitter().draw(rng).contrast_early for _ in range(2000)])
    assert counts[2] == 0
    assert early == pytest.approx(counts[0] / counts.sum(), abs=0.08)
