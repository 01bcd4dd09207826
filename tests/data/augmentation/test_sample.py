from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from multibox.data.augmentation.augmentation import AUGMENTATIONS, CAFFE, Augmentation
from multibox.data.augmentation.color import ColorChange
from multibox.data.augmentation.render import render
from multibox.data.augmentation.sample import MEAN_COLOR, make_sample
from multibox.data.augmentation.transform import Transform
from multibox.data.augmentation.view import View
from multibox.data.dataset import Example
from multibox.errors import DataError
from multibox.size import Size

ANY_WAY = replace(CAFFE, color=None, upside_down=0.5, quarter_turn=0.5)


def example_of(path: Path, boxes: list[list[float]], size: Size | None = None) -> Example:
    count = len(boxes)
    flags = np.zeros(count, bool)
    corners = np.array(boxes, np.float32).reshape(-1, 4)
    return Example(path, corners, np.arange(count, dtype=np.int64), flags, flags, path.stem, size)


@pytest.fixture
def white_block(tmp_path: Path) -> Example:
    """A black image with a white rectangle, which is its only object."""
    image = np.zeros((300, 400, 3), np.uint8)
    image[90:230, 120:300] = 255
    path = tmp_path / "block.png"
    cv2.imwrite(str(path), image)
    return example_of(path, [[120, 90, 300, 230]], Size(300, 400))


def extent_of_white(image: np.ndarray) -> list[float]:
    """Corners of the white pixels relative to the image."""
    white = (image > 200).all(axis=2)
    rows, columns = np.flatnonzero(white.any(axis=1)), np.flatnonzero(white.any(axis=0))
    height, width = white.shape
    return [columns[0] / width, rows[0] / height, (columns[-1] + 1) / width, (rows[-1] + 1) / height]


@pytest.mark.parametrize("input_size", [Size(200, 200), Size(160, 240)], ids=str)
def test_boxes_and_pixels_are_transformed_alike(white_block: Example, input_size: Size) -> None:
    """The box of 150 samples with zoom-out, crop, all flips and interpolations, against the white pixels, to 3 pixels.

    The official crop cuts its pixels, not its boxes, to whole numbers; enlarged, that is up to 3 pixels of the sample.
    """
    rng = np.random.default_rng(0)
    found = 0
    for _ in range(150):
        sample = make_sample(white_block, augmentation=ANY_WAY, input_size=input_size, rng=rng)
        assert sample.image.shape == (*input_size, 3)
        if len(sample.boxes):
            found += 1
            error = np.abs(sample.boxes[0] - extent_of_white(sample.image)) * [*input_size[::-1], *input_size[::-1]]
            assert error.max() < 3
    assert found > 100


def test_the_canvas_has_the_fill_color(white_block: Example) -> None:
    """Outside the image a zoomed-out sample has exactly the fill color, whatever the colors inside."""
    rng = np.random.default_rng(1)
    far_out = Augmentation(zoom_out=1.0, zoom_out_ratio=8.0, color=CAFFE.color)
    for _ in range(10):
        image = make_sample(white_block, augmentation=far_out, input_size=Size(100, 100), rng=rng).image
        corners = image[[0, 0, -1, -1], [0, -1, 0, -1]].tolist()
        assert list(MEAN_COLOR) in corners


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_samples_depend_only_on_the_generator(white_block: Example, name: str) -> None:
    """Two samples from the same seed are equal; "none" returns the same sample for any seed."""
    samples = [
        make_sample(
            white_block, augmentation=AUGMENTATIONS[name], input_size=Size(64, 64), rng=np.random.default_rng(seed)
        )
        for seed in (5, 5, 6)
    ]
    assert (samples[0].image == samples[1].image).all()
    assert (samples[0].boxes == samples[1].boxes).all()
    assert name != "none" or (samples[0].image == samples[2].image).all()


def test_none_is_the_test_transform(white_block: Example) -> None:
    """The sample without augmentation equals a plain linear resize of the image, its box the relative box."""
    sample = make_sample(
        white_block, augmentation=AUGMENTATIONS["none"], input_size=Size(120, 120), rng=np.random.default_rng(0)
    )
    image = cv2.imread(str(white_block.image))
    assert (sample.image == cv2.resize(image, (120, 120), interpolation=cv2.INTER_LINEAR)).all()
    np.testing.assert_allclose(sample.boxes, [[0.3, 0.3, 0.75, 230 / 300]], rtol=1e-6)


def test_flags_and_labels_follow_their_boxes(tmp_path: Path) -> None:
    """Labels and flags of the objects that a crop keeps, against those of the same objects before."""
    path = tmp_path / "grid.png"
    cv2.imwrite(str(path), np.zeros((100, 100, 3), np.uint8))
    boxes = [[x + 2.0, y + 2.0, x + 18.0, y + 18.0] for y in range(0, 100, 20) for x in range(0, 100, 20)]
    example = example_of(path, boxes)
    example = replace(example, difficult=example.labels % 2 == 0, crowd=example.labels % 3 == 0)
    augmentation = Augmentation(crop=CAFFE.crop)
    counts = set()
    for seed in range(20):
        sample = make_sample(
            example, augmentation=augmentation, input_size=Size(50, 50), rng=np.random.default_rng(seed)
        )
        counts.add(len(sample.labels))
        assert (sample.difficult == (sample.labels % 2 == 0)).all()
        assert (sample.crowd == (sample.labels % 3 == 0)).all()
        assert len(sample.boxes) == len(sample.labels)
        assert (sample.boxes >= 0).all()
        assert (sample.boxes <= 1).all()
    assert len(counts) > 3


def smooth_image(width: int, height: int) -> np.ndarray:
    coarse = np.random.default_rng(0).integers(0, 256, (9, 12, 3), np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)


def test_decoding_large_images_small_changes_little(tmp_path: Path) -> None:
    """A 1600 x 1200 JPEG decoded at a part of its size: the same boxes, pixels away from the border within 8 levels."""
    path = tmp_path / "large.jpg"
    cv2.imwrite(str(path), smooth_image(1600, 1200))
    example = example_of(path, [[100, 100, 900, 800]])
    augmentation = replace(CAFFE, color=None, interpolations=("linear", "area", "cubic"))
    for seed in range(12):
        small, full = (
            make_sample(
                example,
                augmentation=replace(augmentation, reduced_above=above),
                input_size=Size(150, 150),
                rng=np.random.default_rng(seed),
            )
            for above in (0, None)
        )
        assert (small.boxes == full.boxes).all()
        error = np.abs(small.image.astype(int) - full.image)
        assert np.mean(error > 8) < 0.03
        assert error.mean() < 2


def test_compression_changes_pixels_slightly(tmp_path: Path) -> None:
    """With JPEG at quality 95 a sample differs a little from the one without; boxes do not."""
    path = tmp_path / "noise.png"
    noise = np.random.default_rng(0).normal(0, 12, (120, 160, 3))
    cv2.imwrite(str(path), np.clip(smooth_image(160, 120) + noise, 0, 255).astype(np.uint8))
    example = example_of(path, [[10, 10, 60, 60]])
    plain, compressed = (
        make_sample(
            example, augmentation=Augmentation(jpeg_quality=q), input_size=Size(60, 60), rng=np.random.default_rng(0)
        )
        for q in (None, 95)
    )
    assert (plain.boxes == compressed.boxes).all()
    assert 0.2 < np.abs(plain.image.astype(int) - compressed.image).mean() < 5


def test_an_image_that_does_not_decode_is_a_data_error(tmp_path: Path) -> None:
    """A text file against an error that names it, with and without a known size, for all ways of decoding."""
    path = tmp_path / "text.jpg"
    path.write_text("no image")
    for size in (None, Size(3000, 4000), Size(30, 40)):
        with pytest.raises(DataError, match=r"text\.jpg"):
            make_sample(
                example_of(path, [], size), augmentation=CAFFE, input_size=Size(30, 30), rng=np.random.default_rng(0)
            )


def test_a_view_beside_the_image_is_canvas_alone() -> None:
    """A sample that shows no pixel of the image has only the fill color, with every distortion drawn."""
    image = np.zeros((50, 40, 3), np.uint8)
    view = View((100.0, 0.0, 140.0, 50.0), (100, 0, 40, 50))
    change = ColorChange(brightness=5.0, contrast=1.2, saturation=1.3, hue=4.0)
    transform = Transform(view, distortions=(change,), jpeg_quality=90)
    sample = render(image, transform, source_size=Size(50, 40), size=Size(20, 30), fill=MEAN_COLOR)
    assert sample.shape == (20, 30, 3)
    assert (sample == MEAN_COLOR).all()
