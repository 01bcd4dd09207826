import cv2
import numpy as np
import pytest

from multibox.data.formats.voc.source import read_voc
from multibox.data.scenes import shapes
from multibox.data.scenes.scenes import make_scene, write_scenes
from multibox.data.scenes.shapes import SHAPES
from multibox.errors import UsageError
from multibox.images.decode import read_image
from multibox.size import Size


def scene(seed, **options):
    return make_scene(np.random.default_rng(seed), **options)


def files(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_the_same_seed_gives_the_same_scene_and_another_seed_another():
    """Two scenes of one generator state against each other, and against a third of another."""
    (a, boxes_a, labels_a), (b, boxes_b, labels_b), (c, *_) = scene(1), scene(1), scene(2)
    np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(boxes_a, boxes_b)
    np.testing.assert_array_equal(labels_a, labels_b)
    assert np.abs(a.astype(int) - c).mean() > 5


@pytest.mark.parametrize("size", [Size(320, 320), Size(120, 200), Size(300, 64)])
def test_boxes_are_whole_pixels_inside_the_image(size):
    """Size, types and the box rule 0 <= x1 < x2 <= width for a dozen scenes of each size."""
    for seed in range(12):
        image, boxes, labels = scene(seed, size=size)
        assert image.shape == (*size, 3)
        assert 1 <= len(labels) == len(boxes) <= 8
        assert (boxes == np.rint(boxes)).all()
        assert (boxes[:, :2] >= 0).all()
        assert (boxes[:, 2:] <= size[::-1]).all()
        assert (boxes[:, 2:] - boxes[:, :2] >= 3).all()
        assert set(labels.tolist()) <= set(range(6))


def test_all_classes_and_many_sizes_occur():
    """Counts over 40 scenes: every class, boxes below a sixth and above a third of the side, about four a scene."""
    rows = [scene(seed) for seed in range(40)]
    labels = np.concatenate([labels for _, _, labels in rows])
    sides = np.concatenate([np.sqrt(np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)) for _, boxes, _ in rows])
    assert np.bincount(labels, minlength=6).min() > 12
    assert (sides < 320 / 6).mean() > 0.2
    assert (sides > 320 / 3).mean() > 0.15
    assert 3 < len(labels) / 40 < 6


def test_boxes_are_tight_on_the_visible_part(monkeypatch):
    """Boxes against the pixels found in an image painted flat: each object its own gray, no clutter, no light."""
    count = 0

    def flat(rng, canvas, shape, cover, radius, *, hue):
        nonlocal count
        count += 1
        canvas[cover > 127] = np.float32(count / 255)

    monkeypatch.setattr("multibox.data.scenes.scenes._paint_object", flat)
    monkeypatch.setattr("multibox.data.scenes.scenes._add_clutter", lambda rng, canvas: None)
    monkeypatch.setattr("multibox.data.scenes.painting.background", lambda rng, size: np.zeros((*size, 3), np.float32))
    monkeypatch.setattr(
        "multibox.data.scenes.painting.finish", lambda rng, canvas: np.rint(255 * canvas).astype(np.uint8)
    )
    for seed in range(15):
        count = 0
        image, boxes, _ = scene(seed)
        for gray, box in enumerate(boxes, start=1):
            rows, columns = np.nonzero(image[:, :, 0] == gray)
            assert box.tolist() == [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]


@pytest.mark.parametrize("name", SHAPES)
def test_the_area_of_an_outline_is_that_of_its_pixels(name):
    """The area from the corners against the sum of the coverage, and the number of corners against a polygon fit."""
    rng = np.random.default_rng(3)
    shape = shapes.turned(shapes.outline(name, rng), rng, center=np.array([150.0, 140.0]), radius=90)
    cover = shapes.mask(shape, Size(300, 300))
    assert cover.sum() / 255 == pytest.approx(
        shapes.area(shape), rel=0.06
    )  # OpenCV fills about half a pixel more on each side
    contours, _ = cv2.findContours((cover > 127).astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    assert len(contours) == (2 if name == "ring" else 1)
    corners = len(cv2.approxPolyDP(contours[0], 5, True))
    expected = {"cross": 12, "square": 4, "star": 10, "triangle": 3}
    assert corners == expected.get(name, corners)


def test_written_scenes_come_back_through_the_voc_reader(tmp_path):
    """A split read by the VOC reader against the result of the writer; pixels against the scene, within JPEG's loss."""
    write_scenes(tmp_path, count=3, seed=5, split="val", size=Size(120, 160))
    written = write_scenes(tmp_path, count=12, seed=5, split="train", size=Size(120, 160))
    back = read_voc(tmp_path, split="train")
    assert back.class_names == written.class_names == SHAPES
    assert not back.problems
    assert [e.id for e in back] == [e.id for e in written]
    for ours, theirs in zip(written, back, strict=True):
        np.testing.assert_array_equal(ours.boxes, theirs.boxes)
        np.testing.assert_array_equal(ours.labels, theirs.labels)
        assert not theirs.difficult.any()
        assert theirs.size == Size(120, 160)
        assert read_image(theirs.image).shape == (120, 160, 3)
    assert len(read_voc(tmp_path, split="val")) == 3


def test_the_same_seed_writes_the_same_bytes_and_more_images_keep_the_first(tmp_path):
    """All files of two runs against each other; a longer run begins with the files of the shorter one."""
    for name, count in (("a", 3), ("b", 3), ("c", 4)):
        write_scenes(tmp_path / name, count=count, seed=7, size=Size(96, 96))
    a, b, c = (files(tmp_path / name) for name in "abc")
    assert a == b
    assert all(c[name] == content for name, content in a.items() if not name.startswith("ImageSets"))
    write_scenes(tmp_path / "d", count=3, seed=8, size=Size(96, 96))
    assert files(tmp_path / "d") != a


def test_impossible_scenes_are_errors(tmp_path):
    """Too small an image and no image at all are refused with the number received."""
    with pytest.raises(UsageError, match="40 x 320"):
        scene(0, size=Size(320, 40))
    with pytest.raises(UsageError, match="0 images"):
        write_scenes(tmp_path, count=0, seed=0)
