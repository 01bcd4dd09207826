"""Generated images for the demo and for tests: six classes of shapes on textured ground, with exact boxes.

The shapes differ in texture, size, angle and stretch. They overlap each other, among clutter and in uneven light. Each
class has its own range of hues, but one object in five has another hue, and clutter has all hues. So only the outline
identifies a class. All random numbers come from the generator that is passed in.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float32, Int16, Int64, UInt8

from multibox.data.dataset import Dataset, Example
from multibox.data.formats.voc.writer import write_voc
from multibox.data.formats.written import Written
from multibox.data.scenes import painting
from multibox.data.scenes.shapes import (
    SHAPES,
    Outline,
    area,
    blob,
    contour,
    mask,
    outline,
    stroke,
    surroundings,
    turned,
)
from multibox.errors import UsageError
from multibox.images.write import write_image
from multibox.size import Size

_SMALLEST_RADIUS, _LARGEST_RADIUS = 0.055, 0.33  # shares of the image's shorter side
_HUE_RANGE = 0.13  # of a class; a full turn is 1
_OTHER_HUE_SHARE = 0.2  # of the objects
_LEAST_VISIBLE_SHARE = 0.55  # of each object


@dataclass
class _Stage:
    """The object that each pixel shows (-1 for none), and the full area of each object, hidden parts included."""

    owner: Int16[np.ndarray, "h w"]
    areas: list[float]

    def admits(self, cover: UInt8[np.ndarray, "h w"], whole: float) -> bool:
        """Whether enough of the new object, and of all objects below it, is visible."""
        covered = cover > 127
        if covered.sum() < _LEAST_VISIBLE_SHARE * whole:
            return False
        remaining = np.bincount(self.owner[~covered & (self.owner >= 0)], minlength=len(self.areas))
        return all(left >= _LEAST_VISIBLE_SHARE * full for left, full in zip(remaining, self.areas, strict=True))

    def add(self, cover: UInt8[np.ndarray, "h w"], whole: float) -> None:
        self.owner[cover > 127] = len(self.areas)
        self.areas.append(whole)

    def box(self, index: int) -> Float32[np.ndarray, "4"]:
        """The smallest box around the pixels that show the object."""
        x, y = (np.flatnonzero((self.owner == index).any(axis=axis)) for axis in (0, 1))
        return np.array([x[0], y[0], x[-1] + 1, y[-1] + 1], np.float32)


def make_scene(
    rng: np.random.Generator, *, size: Size = Size(320, 320)
) -> tuple[UInt8[np.ndarray, "h w 3"], Float32[np.ndarray, "g 4"], Int64[np.ndarray, " g"]]:
    """An RGB image of `size`, the boxes of its one to eight objects in pixels, and labels into SHAPES.

    A box is tight around the visible part of its object, which is at least half of it.
    """
    if min(size) < 64:
        raise UsageError(f"a scene of {size.width} x {size.height} pixels is too small; each side must be at least 64")
    canvas = painting.background(rng, size)
    for _ in range(rng.integers(2, 9)):
        _add_clutter(rng, canvas)
    stage = _Stage(np.full(size, -1, np.int16), [])
    labels: list[int] = []
    for _ in range(rng.integers(1, 9)):
        label = int(rng.integers(len(SHAPES)))
        if _add_object(rng, canvas, stage, SHAPES[label], patience=8 if labels else 1000):
            labels.append(label)
    boxes = np.stack([stage.box(index) for index in range(len(labels))])
    return painting.finish(rng, canvas), boxes, np.array(labels)


def write_scenes(
    folder: Path | str, *, count: int, seed: int, size: Size = Size(320, 320), split: str = "train"
) -> Dataset:
    """Write `count` scenes as a VOC data set and return it. The same arguments write the same files.

    `folder` gets JPEGImages, Annotations and ImageSets/Main/<split>.txt; further splits can be added to it. An image
    depends only on seed, split and its index, not on `count`.
    """
    if count < 1:
        raise UsageError(f"{count} images asked for; ask for at least one")
    root = Path(folder)
    examples = tuple(_write_scene(root, f"{split}_{index:05d}", seed, index, size) for index in range(count))
    write_voc({split: [Written(example, example.image, size) for example in examples]}, SHAPES, root, folder="shapes")
    return Dataset(name=f"shapes {split}", class_names=SHAPES, examples=examples)


def _add_object(rng: np.random.Generator, canvas: painting.Canvas, stage: _Stage, name: str, *, patience: int) -> bool:
    """Try places until one leaves enough of all objects visible. Returns False if no place does."""
    size = Size(*canvas.shape[:2])
    for _ in range(patience):
        radius = min(size) * np.exp(rng.uniform(np.log(_SMALLEST_RADIUS), np.log(_LARGEST_RADIUS)))
        shape = turned(outline(name, rng), rng, center=rng.uniform(0, [size.width, size.height]), radius=radius)
        cover, whole = mask(shape, size), area(shape)
        if stage.admits(cover, whole):
            stage.add(cover, whole)
            _paint_object(rng, canvas, shape, cover, radius, hue=_hue(rng, name))
            return True
    return False


def _hue(rng: np.random.Generator, name: str) -> tuple[float, float]:
    """The range of hues of a class; sometimes all hues."""
    if rng.uniform() < _OTHER_HUE_SHARE:
        return 0.0, 1.0
    middle = SHAPES.index(name) / len(SHAPES)
    return middle - _HUE_RANGE / 2, middle + _HUE_RANGE / 2


def _paint_object(
    rng: np.random.Generator,
    canvas: painting.Canvas,
    shape: Outline,
    cover: UInt8[np.ndarray, "h w"],
    radius: float,
    *,
    hue: tuple[float, float],
) -> None:
    """Paint shadow, surface and sometimes an outline. Only the canvas around the object changes."""
    size = Size(*canvas.shape[:2])
    blur = max(1.0, 0.07 * radius)
    near = surroundings(shape, size, margin=0.12 * radius + 3 * blur)
    part = canvas[near]
    offset = rng.uniform(-0.12, 0.12, 2) * radius
    shadow = mask([curve + offset for curve in shape], size)[near]
    painting.shade(part, shadow, depth=rng.uniform(0.1, 0.45), blur=blur)
    surface = painting.fill(rng, Size(*part.shape[:2]), ground=part.mean(axis=(0, 1)), hue=hue)
    painting.paint(part, surface, cover[near])
    if rng.uniform() < 0.35:
        line = np.minimum(contour(shape, size, thickness=max(1, round(0.07 * radius))), cover)
        tone = painting.color(rng, saturation=(0.0, 0.6), value=(0.05, 1.0))
        painting.paint(part, tone[None, None], line[near])


def _add_clutter(rng: np.random.Generator, canvas: painting.Canvas) -> None:
    """Paint a stroke or a blob with a color like those of the objects and a random opacity."""
    size = Size(*canvas.shape[:2])
    center, reach = rng.uniform(0, [size.width, size.height]), min(size) * rng.uniform(0.03, 0.25)
    opacity, tone = rng.uniform(0.25, 0.9), painting.color(rng, saturation=(0.1, 0.8), value=(0.2, 0.95))
    if rng.uniform() < 0.5:
        shape = blob(rng, center=center, radius=0.6 * reach)
        cover = mask(shape, size)
    else:
        shape, thickness = stroke(rng, center=center, reach=reach), int(rng.integers(1, 8))
        cover = contour(shape, size, thickness=thickness)
    near = surroundings(shape, size, margin=8)
    painting.paint(canvas[near], tone[None, None], (cover[near] * opacity).astype(np.uint8))


def _write_scene(root: Path, name: str, seed: int, index: int, size: Size) -> Example:
    split = name.rpartition("_")[0]
    rng = np.random.default_rng([seed, index, *split.encode()])
    image, boxes, labels = make_scene(rng, size=size)
    path = root / "JPEGImages" / f"{name}.jpg"
    write_image(path, image, quality=92)
    nothing = np.zeros(len(labels), bool)
    return Example(path, boxes, labels, difficult=nothing, crowd=nothing, id=name, size=size)
