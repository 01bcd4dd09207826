"""Finds the convolutions that predict offsets and scores, behind the layers that bring their values into rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from multibox.errors import WeightsError
from multibox.models.bases.graph.config import Predictor
from multibox.models.bases.graph.layers.joining import Concat
from multibox.models.bases.graph.layers.learned import (
    BatchNorm,
    Convolution,
    Linear,
    Scale,
    identity_convolution,
)
from multibox.models.bases.graph.layers.pointwise import Activation, Dropout, Softmax
from multibox.models.bases.graph.layers.shaping import Flatten, Permute, Reshape
from multibox.scores import ScoreFunction
from multibox.weights.origins.caffe.deploy.nodes import Node

_MOST_PREDICTORS = 64
_MOST_STEPS = 100_000
_NHWC = (0, 2, 3, 1)


class Rows(NamedTuple):
    """A map whose values, cell by cell, are rows of predictions, and the function that they go through."""

    map: Node
    function: ScoreFunction | None
    classes: int | None


@dataclass(eq=False)
class Convolved:
    """A predictor: the map that it sees, and its weights."""

    source: Node
    predictor: Predictor
    weight: Float[Tensor, "o c h w"]
    bias: Float[Tensor, " o"]


def find_rows(end: Node, *, where: str) -> list[Rows]:
    """The maps of predictions that are joined in `end`, in order, from there backwards. Raises WeightsError."""
    found: list[Rows] = []
    stack = [Rows(end, None, None)]
    for _ in range(_MOST_STEPS):
        if not stack or len(found) > _MOST_PREDICTORS:
            break
        rows = stack.pop()
        stack += reversed(_before(rows, found, where=where))
    if stack or len(found) > _MOST_PREDICTORS:
        raise WeightsError(f"{where}: its input joins more than {_MOST_PREDICTORS} maps, too many for an SSD")
    return found


def _before(rows: Rows, found: list[Rows], *, where: str) -> list[Rows]:
    """What the rows are made of; none if they are the values of a map, which is then added to `found`."""
    node = rows.map
    layer = node.layer
    if isinstance(layer, Flatten | Reshape | Dropout):
        return [rows._replace(map=node.inputs[0])]
    if isinstance(layer, Softmax) and layer.axis == len(node.shape):
        return [Rows(node.inputs[0], "softmax", node.shape[-1])]
    if isinstance(layer, Activation) and layer.function == "sigmoid":
        return [rows._replace(map=node.inputs[0], function="sigmoid")]
    if isinstance(layer, Concat) and all(side == 1 for side in node.shape[: layer.axis - 1]):
        return [rows._replace(map=source) for source in node.inputs]
    permuted = isinstance(layer, Permute) and layer.order == _NHWC
    source = node.inputs[0] if permuted else node
    in_rows = permuted or all(side == 1 for side in node.shape[1:])
    if not in_rows or source.layer is None:
        raise WeightsError(
            f"{where}: layer {node.name[:100]!r} ({node.type[:60]}) is between it and the predictors, and "
            "multibox knows Permute with order 0, 2, 3, 1, Flatten, Reshape, Concat, Softmax of the last axis, Sigmoid"
        )
    found.append(rows._replace(map=source))
    return []


def convolved(node: Node, *, users: dict[Node, list[Node]], add: list[Node]) -> Convolved:
    """The predictor that makes a map.

    It is the convolution there, with normalization and factors after it multiplied into its weights; a matrix becomes a
    convolution. After any other layer it is a convolution that returns its input, so that the map itself is its source.
    A vector becomes a map, by a node that `add` receives.
    """
    factor, summand = torch.ones(node.shape[0]), torch.zeros(node.shape[0])
    at = node
    while isinstance(at.layer, BatchNorm | Scale) and len(users[at.inputs[0]]) == 1:
        own_factor, own_summand = _affine(at)
        factor, summand = factor * own_factor, summand + factor * own_summand
        at = at.inputs[0]
    if isinstance(at.layer, Convolution) and at.layer.groups == 1:
        layer, source, weight = at.layer, at.inputs[0], at.tensors["weight"]
        bias = at.tensors.get("bias", torch.zeros(layer.out))
        sees = Predictor("", layer.channels, layer.kernel, layer.stride, layer.padding, layer.dilation)
    elif isinstance(at.layer, Linear):
        source = _as_map(at.inputs[0], add)
        channels, height, width = source.shape
        weight = at.tensors["1.weight"].reshape(-1, channels, height, width)
        bias = at.tensors.get("1.bias", torch.zeros(len(weight)))
        sees = Predictor("", channels, (height, width), padding=(0, 0))
    else:
        source, factor, summand = _as_map(node, add), torch.ones(node.shape[0]), torch.zeros(node.shape[0])
        weight, bias = identity_convolution(source.shape[0]), torch.zeros(source.shape[0])
        sees = Predictor("", source.shape[0], (1, 1), padding=(0, 0))
    return Convolved(source, sees, weight * factor[:, None, None, None], bias * factor + summand)


def _affine(node: Node) -> tuple[Tensor, Tensor]:
    """Factor and summand of each channel."""
    tensors, channels = node.tensors, node.shape[0]
    weight = tensors.get("weight", torch.ones(channels))
    bias = tensors.get("bias", torch.zeros(channels))
    if not isinstance(node.layer, BatchNorm):
        return weight, bias
    factor = weight / (tensors["running_var"] + node.layer.eps).sqrt()
    return factor, bias - tensors["running_mean"] * factor


def _as_map(node: Node, add: list[Node]) -> Node:
    if len(node.shape) == 3:
        return node
    shaped = Node(f"{node.name}_map", node.type, Reshape((*node.shape, 1, 1)[:3]), [node], (*node.shape, 1, 1)[:3])
    add.append(shaped)
    return shaped


def background_first(found: Convolved, *, classes: int, background: int) -> Convolved:
    """The same predictor with the scores of the background first in each box.

    If there is no background, it gets a score so low that it never matters.
    """
    weight = found.weight.unflatten(0, (-1, classes))
    bias = found.bias.unflatten(0, (-1, classes))
    if background < 0:
        weight = torch.cat([torch.zeros_like(weight[:, :1]), weight], dim=1)
        bias = torch.cat([torch.full_like(bias[:, :1], -100.0), bias], dim=1)
    else:
        order = [background, *(label for label in range(classes) if label != background)]
        weight, bias = weight[:, order], bias[:, order]
    return Convolved(found.source, found.predictor, weight.flatten(0, 1), bias.flatten())


def offsets_of(found: Convolved, *, classes: int, label: int) -> Convolved:
    """The predictor of one class's offsets, from one that predicts those of each class in turn."""
    weight = found.weight.unflatten(0, (-1, classes, 4))[:, label]
    bias = found.bias.unflatten(0, (-1, classes, 4))[:, label]
    return Convolved(found.source, found.predictor, weight.flatten(0, 1), bias.flatten())


def one_function(rows: Sequence[Rows]) -> tuple[ScoreFunction | None, int | None]:
    """The score function of all rows, and the number of classes that their softmax is over; None if they differ."""
    functions = {(row.function, row.classes) for row in rows}
    return functions.pop() if len(functions) == 1 else (None, None)
