import numpy as np

from multibox.data.augmentation.color import ColorChange, ColorJitter


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


def test_no_change_is_the_same_image() -> None:
    """A change without any step, and a hue shift of zero, leave every level unchanged."""
    image = noise(20, 30)
    assert (ColorChange().apply(image) == image).all()
    assert (ColorChange(hue=0.0).apply(image) == image).all()


def test_brightness_and_contrast_by_hand() -> None:
    """A few levels, against the sums and products worked out by hand, rounded half to even and clipped at both ends."""
    levels = np.array([[[0, 10, 255], [1, 3, 200]]], np.uint8)
    assert ColorChange(brightness=-2.0).apply(levels).tolist() == [[[0, 8, 253], [0, 1, 198]]]
    assert ColorChange(contrast=1.5).apply(levels).tolist() == [[[0, 15, 255], [2, 4, 255]]]
    both = ColorChange(brightness=2.0, contrast=1.5)
    assert both.apply(levels).tolist() == [[[3, 18, 255], [4, 8, 255]]]


def test_hue_is_clipped_at_red_and_wraps_at_the_other_end() -> None:
    """Orange shifted down against red, where it stops; violet shifted up against a hue beyond red."""
    orange, violet = np.array([[[255, 64, 0]]], np.uint8), np.array([[[255, 0, 64]]], np.uint8)
    assert ColorChange(hue=-18.0).apply(orange).tolist() == [[[255, 0, 0]]]
    red, green, blue = ColorChange(hue=18.0).apply(violet)[0, 0].tolist()
    assert red == 255
    assert green > blue == 0


def test_draws_stay_in_their_ranges() -> None:
    """Amounts of 500 changes, against the ranges; each step is left out in about half of them."""
    rng = np.random.default_rng(0)
    draws = [ColorJitter().draw(rng) for _ in range(500)]
    for step, low, high in (
        ("brightness", -32, 32),
        ("contrast", 0.5, 1.5),
        ("saturation", 0.5, 1.5),
        ("hue", -18, 18),
    ):
        amounts = [getattr(draw, step) for draw in draws if getattr(draw, step) is not None]
        assert 200 < len(amounts) < 300
        assert low <= min(amounts) < low + 0.1 * (high - low)
        assert high - 0.1 * (high - low) < max(amounts) <= high
