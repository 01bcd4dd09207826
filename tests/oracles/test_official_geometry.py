"""Zoom-out, crop, resize and mirror against what the official C++ functions made (geometry.npz)."""

import numpy as np
import pytest

from multibox.data.augmentation import view as views
from multibox.data.augmentation.augmentation import Augmentation
from multibox.data.augmentation.flip import Flip
from multibox.data.augmentation.render import render
from multibox.data.augmentation.resample import resample
from multibox.data.augmentation.transform import Transform, draw_transform, transform_boxes
from multibox.size import Size
from oracles.compact_augmentation import whole_levels
from oracles.official import EDITIONS, Official, official

SIZE = (64, 48)  # width, height, as in the official arrays
OUR_SIZE = Size(48, 64)
FILL = (123, 117, 104)
NAMES = {"LINEAR": "linear", "AREA": "area", "NEAREST": "nearest", "CUBIC": "cubic", "LANCZOS4": "lanczos"}


@pytest.fixture(params=EDITIONS)
def arrays(request: pytest.FixtureRequest) -> Official:
    return official("geometry", edition=request.param)


def image_of(arrays: Official) -> np.ndarray:
    return np.ascontiguousarray(arrays["image_bgr"][:, :, ::-1])


def in_pixels(rows: np.ndarray) -> np.ndarray:
    return rows[:, 1:5] * np.array([*SIZE, *SIZE], np.float32)


def shown(arrays: Official, transform: Transform, size: Size) -> np.ndarray:
    """The sample of `size` in BGR order."""
    image = render(image_of(arrays), transform, source_size=OUR_SIZE, size=size, fill=FILL)
    return image[:, :, ::-1]


def assert_boxes(arrays: Official, transform: Transform, expected: np.ndarray) -> None:
    """Which objects stay, their boxes to 1e-6 and their flags."""
    rows = arrays["boxes_in"]
    found, kept = transform_boxes(in_pixels(rows), transform)
    np.testing.assert_array_equal(rows[kept][:, [0, 5]], expected[:, [0, 5]])
    np.testing.assert_allclose(found, expected[:, 1:5], atol=1e-6)


@pytest.mark.parametrize("k", range(6))
def test_zoom_out_equals_the_official_one(arrays: Official, k: int) -> None:
    """Canvas size, position, canvas box and objects of ExpandImage at its ratio and offset; its pixels where kept.

    The draw that leads to an offset is taken from the middle of the interval that is truncated to it.
    """
    ratio, offset, size = (arrays[f"expand{k}_{name}"] for name in ("ratio", "offset_x_y", "size_w_h"))
    shift = (offset + 0.5) / np.maximum(1, size - SIZE)
    view = views.zoom_out(OUR_SIZE, ratio=float(ratio), shift=tuple(np.minimum(shift, 0.999).tolist()))
    assert view.pixels == (*(-offset).tolist(), *size.tolist())
    np.testing.assert_allclose(np.array(view.corners) / (*SIZE, *SIZE), arrays[f"expand{k}_bbox"], atol=1e-6)
    assert_boxes(arrays, Transform(view), arrays[f"expand{k}_boxes_out"])
    if f"expand{k}_image" in arrays:
        image = shown(arrays, Transform(view), Size(*size[::-1].tolist()))
        np.testing.assert_array_equal(image, arrays[f"expand{k}_image"])


def test_zoom_out_offsets_are_as_spread_as_the_official_ones(arrays: Official) -> None:
    """1,000 drawn offsets against 1,000 official ones, two-sample Kolmogorov-Smirnov (.1 is level 1e-4)."""
    augmentation = Augmentation(zoom_out=1.0, zoom_out_ratio=4.0)
    rng = np.random.default_rng(1)
    draws = [
        draw_transform(np.zeros((0, 4), np.float32), size=OUR_SIZE, augmentation=augmentation, rng=rng).view.pixels
        for _ in range(1000)
    ]
    room = np.array([(width - SIZE[0], height - SIZE[1]) for _, _, width, height in draws])
    shares = (np.array([(-left, -top) for left, top, _, _ in draws]) + 0.5) / (room + 1)
    expected = (arrays["expand_ratio2_offsets"] + 0.5) / (np.array(SIZE) + 1)
    levels = np.linspace(0, 1, 201)[:, None]
    for axis in range(2):
        found_curve = (shares[:, axis] <= levels).mean(axis=1)
        assert np.abs(found_curve - (expected[:, axis] <= levels).mean(axis=1)).max() < 0.1


@pytest.mark.parametrize("k", range(12))
def test_crop_equals_the_official_one(arrays: Official, k: int) -> None:
    """Pixels of CropImage, exactly, and the objects of TransformAnnotation with the center rule."""
    view = views.crop(views.whole(OUR_SIZE), arrays[f"crop{k}_bbox"])
    assert_boxes(arrays, Transform(view), arrays[f"crop{k}_boxes_out"])
    if f"crop{k}_image" in arrays:
        expected = arrays[f"crop{k}_image"]
        assert view.pixels[2:] == expected.shape[1::-1]
        np.testing.assert_array_equal(shown(arrays, Transform(view), Size(*expected.shape[:2])), expected)


@pytest.mark.parametrize("size", [(30, 30), (100, 100), (37, 53), (64, 48), (150, 75)], ids=str)
@pytest.mark.parametrize("mode", NAMES)
def test_resize_equals_the_official_one(arrays: Official, mode: str, size: tuple[int, int]) -> None:
    """ApplyResize with WARP to a size (width, height), every pixel within one level (LINEAR, NEAREST: equal)."""
    name = f"resize_{size[0]}x{size[1]}_{mode}"
    if name not in arrays:
        pytest.skip("not among the compact arrays")
    window = (0.0, 0.0, float(SIZE[0]), float(SIZE[1]))
    found = resample(image_of(arrays), window=window, size=Size(*size[::-1]), interpolation=NAMES[mode]).pixels
    difference = np.abs(found[:, :, ::-1].astype(int) - arrays[name])
    assert difference.max() <= (0 if mode in ("LINEAR", "NEAREST") else 1)


def test_boxes_outside_are_clipped_as_in_the_official_resize(arrays: Official) -> None:
    """UpdateBBoxByResizePolicy WARP on 14 boxes, the last one partly outside, to 1e-6."""
    boxes = arrays["resize_boxes_in"] * np.array([*SIZE, *SIZE], np.float32)
    found, kept = transform_boxes(boxes, Transform(views.whole(OUR_SIZE)))
    assert kept.all()
    np.testing.assert_allclose(found, arrays["resize_boxes_out_300"], atol=1e-6)


@pytest.mark.parametrize("k", range(6))
def test_the_last_step_equals_the_official_one(arrays: Official, k: int) -> None:
    """Resize and mirror of DataTransformer::Transform to 44 x 40, every pixel within one level; boxes to 1e-6."""
    mode = NAMES[str(arrays[f"transform{k}_interp"])]
    flip = Flip(mirror=bool(arrays[f"transform{k}_mirror"]))
    transform = Transform(views.whole(OUR_SIZE), flip, mode)
    found = shown(arrays, transform, Size(40, 44))
    blob = arrays[f"transform{k}_blob"]
    levels = blob if blob.dtype == np.uint8 else whole_levels(blob)
    assert np.abs(found.astype(int) - levels[0].transpose(1, 2, 0)).max() <= 1
    assert_boxes(arrays, transform, arrays[f"transform{k}_boxes_out"])
