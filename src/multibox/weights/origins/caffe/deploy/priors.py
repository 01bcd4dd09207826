"""Caffe's PriorBox layer: the priors of one map, from the sizes of the map and the image (prior_box_layer.cpp)."""

from dataclasses import replace
from math import floor

import numpy as np

from multibox.priors import BoxSize, PriorMap, Step, listed_map
from multibox.size import Size
from multibox.weights.origins.caffe.deploy.nodes import Made, Node
from multibox.weights.origins.caffe.deploy.options import Options

_MOST_BOXES = 1000


def prior_box(made: Made) -> Node:
    """A node that has the priors, and the shape of Caffe's output: corners and variances."""
    shapes = [node.shape for node in made.inputs]
    if len(shapes) != 2 or any(len(shape) != 3 for shape in shapes):
        raise made.source.error("needs two inputs, a map and the image")
    options = made.source.options("prior_box_param")
    image = _image_size(options, Size(*shapes[1][1:]))
    cells = Size(*shapes[0][1:])
    source = _boxes(options, cells, _step(options, image=image, cells=cells))
    source = replace(
        source,
        offset=options.number("offset", 0.5),
        clip=options.flag("clip", default=False),
        variances=_variances(options),
        image_size=None if image == made.input_size else image,
    )
    options.finish()
    node = Node(made.source.name, made.source.type, None, [], (2, 4 * source.count), priors=source)
    made.nodes.append(node)
    return node


def _image_size(options: Options, given: Size) -> Size:
    side = options.whole("img_size", 0)
    size = Size(options.whole("img_h", side or given.height), options.whole("img_w", side or given.width))
    if min(size) < 1:
        raise options.wrong("img_size", side, "a positive number")
    return size


def _step(options: Options, *, image: Size, cells: Size) -> Step:
    """The given step, or the sides of the image divided by those of the map, in float32."""
    both = options.number("step", 0)
    given = options.number("step_h", both), options.number("step_w", both)
    if min(given) < 0:
        raise options.wrong("step", min(given), "a positive number")
    height, width = (
        float(step or np.float32(side) / np.float32(count))
        for step, side, count in zip(given, image, cells, strict=True)
    )
    return Step(height, width)


def _boxes(options: Options, cells: Size, step: Step) -> PriorMap:
    """A map with sizes and ratios if it has one min size and pairs of ratios, else one with a list of boxes."""
    small, large = options.numbers("min_size"), options.numbers("max_size")
    ratios, flip = options.numbers("aspect_ratio"), options.flag("flip", default=True)
    if not small or min([*small, *large]) <= 0 or len(large) not in (0, len(small)):
        raise options.wrong("min_size and max_size", [*small, *large], "positive sizes, as many of each or no max_size")
    if any(ratio <= 0 for ratio in ratios):
        raise options.wrong("aspect_ratio", ratios, "positive numbers")
    if any(big <= little for little, big in zip(small, large, strict=False)):
        raise options.wrong("max_size", large, "sizes above those of min_size")
    all_ratios = _all_ratios(ratios, flip=flip)
    if len(small) * (2 + len(all_ratios)) > _MOST_BOXES:
        raise options.wrong("aspect_ratio", f"{len(ratios)} values", f"at most {_MOST_BOXES} boxes in a cell")
    if len(small) == 1 and flip and len(all_ratios) == 2 * len(ratios):
        return PriorMap(cells, step, small[0], large[0] if large else None, tuple(ratios))
    return listed_map(cells, step, list(_listed(small, large, all_ratios)))


def _all_ratios(given: list[float], *, flip: bool) -> list[float]:
    """The ratios other than 1 without repetitions, each followed by its reciprocal if they are flipped."""
    found = [1.0]
    for ratio in (float(np.float32(ratio)) for ratio in given):
        if all(abs(ratio - other) >= 1e-6 for other in found):
            found += [ratio, float(np.float32(1) / np.float32(ratio))] if flip else [ratio]
    return found[1:]


def _listed(small: list[float], large: list[float], ratios: list[float]) -> list[BoxSize]:
    """The boxes of a cell; the official layer rounds sizes down to whole pixels."""
    boxes = []
    for number, size in enumerate(small):
        side = floor(size)
        boxes.append(BoxSize(side, side))
        if large:
            between = float(np.sqrt(np.float32(side * floor(large[number]))))
            boxes.append(BoxSize(between, between))
        for ratio in ratios:
            root = np.sqrt(np.float32(ratio))
            boxes.append(BoxSize(float(np.float32(side / root)), float(np.float32(side * root))))
    return boxes


def _variances(options: Options) -> tuple[float, float, float, float]:
    given = options.numbers("variance") or [0.1]
    if len(given) not in (1, 4) or min(given) <= 0:
        raise options.wrong("variance", given, "one or four positive numbers")
    first, second, third, fourth = given * (4 // len(given))
    return first, second, third, fourth
