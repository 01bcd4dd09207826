"""Caffe's layers that select or rearrange values. Caffe counts the batch as axis 0, and multibox keeps it there."""

from itertools import pairwise
from math import prod

from multibox.models.bases.graph.layers.shaping import Crop, Flatten, Permute, Reshape, Slice
from multibox.weights.origins.caffe.deploy.nodes import Made, Node


def split(made: Made) -> list[Node]:
    return [made.first for _ in made.source.tops]


def slice_(made: Made) -> list[Node]:
    """One node for each output, divided at `slice_point`, or into equal parts."""
    options = made.source.options("slice_param")
    axis = _axis(options.whole("axis", options.whole("slice_dim", 1)), made)
    points = options.wholes("slice_point")
    options.finish()
    parts = len(made.source.tops)
    if not 1 <= axis <= len(made.first.shape):
        raise made.source.error(f"divides axis {axis} of a shape with axes 1 to {len(made.first.shape)}")
    size = made.first.shape[axis - 1]
    if not points and parts and size % parts == 0:
        points = list(range(size // parts, size, size // parts))
    if len(points) != parts - 1:
        raise made.source.error(f"has {parts} outputs, and {len(points)} places where it divides {size} values")
    edges = [0, *points, size]
    return [made.add(Slice(axis, start, stop)) for start, stop in pairwise(edges)]


def crop(made: Made) -> Node:
    options = made.source.options("crop_param")
    axis = _axis(options.whole("axis", 2), made)
    count = len(made.first.shape) + 1 - axis
    given = options.wholes("offset") or [0]
    options.finish()
    return made.add(Crop(axis, tuple(given * count if len(given) == 1 else given)))


def permute(made: Made) -> Node:
    """Axes that `order` does not list follow in their order."""
    options = made.source.options("permute_param")
    order = options.wholes("order")
    options.finish()
    order += [axis for axis in range(len(made.first.shape) + 1) if axis not in order]
    return made.add(Permute(tuple(order)))


def flatten(made: Made) -> Node:
    options = made.source.options("flatten_param")
    start, end = (_axis(options.whole(name, usual), made) for name, usual in (("axis", 1), ("end_axis", -1)))
    options.finish()
    return made.add(Flatten(start, end))


def reshape(made: Made) -> Node:
    """`dim` 0 copies a side, -1 is as long as needed; the first side of the result has to be the batch, which is 1."""
    options = made.source.options("reshape_param")
    dims = options.inner("shape").wholes("dim")
    sides = (1, *made.first.shape)
    start = _axis(options.whole("axis", 0), made, beyond=1)
    count = options.whole("num_axes", -1)
    options.finish()
    end = len(sides) if count == -1 else start + count
    if not 0 <= start <= end <= len(sides) or len(dims) > 8:
        raise made.source.error(f"changes axes {start} to {end} of {len(sides)}")
    copied = [sides[start + i] if d == 0 and start + i < len(sides) else d for i, d in enumerate(dims)]
    wanted = [*sides[:start], *copied, *sides[end:]]
    known = prod(side for side in wanted if side != -1)
    batch = prod(sides) // known if wanted and wanted[0] == -1 and known > 0 else (wanted or [0])[0]
    if batch != 1 or len(wanted) < 2:
        raise made.source.error(f"makes the shape {wanted}, which does not begin with the batch, of 1")
    return made.add(Reshape(tuple(wanted[1:])))


def _axis(axis: int, made: Made, *, beyond: int = 0) -> int:
    return axis if axis >= 0 else axis + len(made.first.shape) + 1 + beyond
