"""A small SSD as the Object Detection API builds them, with random weights: as data, and as a slow loop in numpy.

It has what the imports must get right: padding "same" on odd sides, a depth multiplier, a shortcut, two sources,
predictors of y before x, and a background before the classes. Maps are (height, width, channels), weights of
convolutions (height, width, in, out), those of depthwise convolutions (height, width, channels, multiplier).
"""

from dataclasses import dataclass
from math import ceil

import numpy as np

HEIGHT, WIDTH = 37, 30
CLASSES = 4
BOXES = (3, 6)
CELLS = ((10, 8), (5, 4))
MEAN = STD = 127.5


@dataclass(frozen=True)
class Layer:
    """A convolution of the value `source` to the value `name`, then ReLU6 if `relu6`, then the sum with `plus`."""

    name: str
    source: str
    kernel: int
    out: int
    stride: int = 1
    depthwise: bool = False
    relu6: bool = True
    plus: str = ""


LAYERS = (
    Layer("stem", "image", 3, 8, stride=2),
    Layer("filter", "stem", 3, 8, depthwise=True),
    Layer("project", "filter", 1, 8, relu6=False, plus="stem"),
    Layer("halve", "project", 3, 16, stride=2, depthwise=True),
    Layer("first", "halve", 1, 12),
    Layer("extra", "first", 3, 16, stride=2),
    Layer("boxes0", "first", 1, 4 * BOXES[0], relu6=False),
    Layer("classes0", "first", 1, (CLASSES + 1) * BOXES[0], relu6=False),
    Layer("boxes1", "extra", 3, 4 * BOXES[1], relu6=False),
    Layer("classes1", "extra", 3, (CLASSES + 1) * BOXES[1], relu6=False),
)

Values = dict[str, tuple[np.ndarray, np.ndarray]]
"""Weights and bias of each layer."""


def random_values(seed: int) -> Values:
    rng = np.random.default_rng(seed)
    channels, values = {"image": 3}, {}
    for layer in LAYERS:
        inside = channels[layer.source]
        last = layer.out // inside if layer.depthwise else layer.out
        spread = 1.5 / (layer.kernel * np.sqrt(1 if layer.depthwise else inside))
        weights = rng.normal(0, spread, (layer.kernel, layer.kernel, inside, last)).astype(np.float32)
        values[layer.name] = weights, rng.normal(0, 0.5, layer.out).astype(np.float32)
        channels[layer.name] = layer.out
    return values


def outputs(image: np.ndarray, values: Values) -> tuple[np.ndarray, np.ndarray]:
    """Box encodings (P, 4), y first, and class predictions (P, classes + 1) of a uint8 image, computed slowly."""
    maps = {"image": (image.astype(np.float64) - MEAN) / STD}
    for layer in LAYERS:
        weights, bias = (array.astype(np.float64) for array in values[layer.name])
        made = _convolved(maps[layer.source], weights, stride=layer.stride, depthwise=layer.depthwise) + bias
        if layer.relu6:
            made = made.clip(0, 6)
        maps[layer.name] = made + maps[layer.plus] if layer.plus else made
    boxes = np.concatenate([maps[f"boxes{i}"].reshape(-1, 4) for i in range(2)])
    return boxes, np.concatenate([maps[f"classes{i}"].reshape(-1, CLASSES + 1) for i in range(2)])


def _convolved(x: np.ndarray, weights: np.ndarray, *, stride: int, depthwise: bool) -> np.ndarray:
    """One output cell at a time; what is outside of the map is zero and ends as late as possible at the top left."""
    kernel = len(weights)
    rows, columns = (ceil(side / stride) for side in x.shape[:2])
    top, left = (
        max(0, (cells - 1) * stride + kernel - side) // 2
        for cells, side in zip((rows, columns), x.shape[:2], strict=True)
    )
    made = np.zeros((rows, columns, weights.shape[2] * weights.shape[3] if depthwise else weights.shape[3]))
    for row in range(rows):
        for column in range(columns):
            for i in range(kernel):
                for j in range(kernel):
                    y, x_ = row * stride - top + i, column * stride - left + j
                    if 0 <= y < x.shape[0] and 0 <= x_ < x.shape[1]:
                        if depthwise:
                            made[row, column] += (x[y, x_][:, None] * weights[i, j]).reshape(-1)
                        else:
                            made[row, column] += x[y, x_] @ weights[i, j]
    return made


def anchors(seed: int) -> np.ndarray:
    """(y, x, height, width) of each box: any sizes around the centers of the cells."""
    rng = np.random.default_rng(seed)
    parts = []
    for (rows, columns), boxes in zip(CELLS, BOXES, strict=True):
        sizes = rng.uniform(0.1, 0.9, (boxes, 2))
        for row in range(rows):
            for column in range(columns):
                parts += [((row + 0.5) / rows, (column + 0.5) / columns, h, w) for h, w in sizes]
    return np.array(parts, dtype=np.float32)
