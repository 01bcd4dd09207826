"""Simplifies nodes: pairs of layers that are one, layers that only normalize the image, and the order of colors."""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from multibox.models.bases.graph.layers.learned import BatchNorm, Convolution, Scale
from multibox.models.bases.graph.layers.pointwise import Power
from multibox.models.bases.graph.layers.shaping import SelectChannels
from multibox.weights.origins.caffe.deploy.nodes import Node, consumers
from multibox.weights.origins.caffe.deploy.normalization import Normalization
from multibox.weights.origins.caffe.deploy.predictors import Convolved

_BGR = (2, 1, 0)


def merge_scales(nodes: list[Node], predictors: Sequence[Convolved]) -> list[Node]:
    """Give the factors of a Scale to the BatchNorm before it, if nothing else takes that one's output."""
    users, sources = consumers(nodes), {found.source for found in predictors}
    merged: dict[Node, Node] = {}
    for node in nodes:
        before = node.inputs[0]
        pair = isinstance(node.layer, Scale) and isinstance(before.layer, BatchNorm)
        if pair and len(users[before]) == 1 and before not in sources:
            before.tensors |= {name: node.tensors[name] for name in ("weight", "bias") if name in node.tensors}
            merged[node] = before
    return _without(nodes, merged, predictors)


def absorb_normalization(
    image: Node, nodes: list[Node], predictors: Sequence[Convolved], normalization: Normalization
) -> tuple[list[Node], Normalization]:
    """Make layers that only shift and scale the image part of the normalization, as far as that can express them.

    A convolution pads with zeros, and these stay the values that the normalization gives to its mean. A channel with a
    negative factor changes its sign, and so do the weights of the convolutions that see it.
    """
    while True:
        users = consumers(nodes).get(image, [])
        factors = _factors(users[0]) if len(users) == 1 else None
        if factors is None or any(found.source is image for found in predictors):
            return nodes, normalization
        signs = torch.where(factors[0] < 0, -1.0, 1.0)
        after = consumers(nodes).get(users[0], [])
        changed = normalization.then(factors[0] * signs, factors[1] * signs)
        if not changed.valid or ((signs < 0).any() and not _plain(after)):
            return nodes, normalization
        for node in after if (signs < 0).any() else ():
            node.tensors["weight"] = node.tensors["weight"] * signs.float()[:, None, None]
        nodes, normalization = _without(nodes, {users[0]: image}, predictors), changed


def _factors(node: Node) -> tuple[Tensor, Tensor] | None:
    """Factor and summand of each channel, in double precision; None for another kind of layer."""
    tensors = {name: value.double() for name, value in node.tensors.items()}
    one, zero = torch.ones(3, dtype=torch.float64), torch.zeros(3, dtype=torch.float64)
    if isinstance(node.layer, Power) and node.layer.power == 1:
        return one * node.layer.scale, zero + node.layer.shift
    if isinstance(node.layer, Scale):
        return tensors.get("weight", one), tensors.get("bias", zero)
    if isinstance(node.layer, BatchNorm):
        factor = tensors["weight"] / (tensors["running_var"] + node.layer.eps).sqrt()
        return factor, tensors["bias"] - tensors["running_mean"] * factor
    return None


def to_rgb(image: Node, nodes: list[Node], predictors: Sequence[Convolved]) -> list[Node]:
    """The same network for RGB instead of BGR: convolutions of the image with their channels in the other order.

    If other layers see the image, a layer that changes the order comes first.
    """
    users = consumers(nodes).get(image, [])
    if _plain(users) and all(found.source is not image for found in predictors):
        for node in users:
            node.tensors["weight"] = node.tensors["weight"].flip(1)
        return nodes
    swapped = Node("bgr", "Input", SelectChannels(_BGR), [image], image.shape)
    _redirect(nodes, {image: swapped}, predictors)
    return [swapped, *nodes]


def _plain(users: Sequence[Node]) -> bool:
    """Whether all are convolutions that mix the channels of their input."""
    return all(isinstance(node.layer, Convolution) and node.layer.groups == 1 for node in users)


def _without(nodes: list[Node], merged: dict[Node, Node], predictors: Sequence[Convolved]) -> list[Node]:
    """The nodes without those that are merged into others, which take their place."""
    _redirect(nodes, merged, predictors)
    return [node for node in nodes if node not in merged]


def _redirect(nodes: Sequence[Node], changed: dict[Node, Node], predictors: Sequence[Convolved]) -> None:
    for node in nodes:
        node.inputs = [_last(source, changed) for source in node.inputs]
    for found in predictors:
        found.source = _last(found.source, changed)


def _last(node: Node, changed: dict[Node, Node]) -> Node:
    while node in changed:
        node = changed[node]
    return node


def with_source(found: Convolved, name: str) -> Convolved:
    """The predictor with the name of its source."""
    return Convolved(found.source, replace(found.predictor, source=name), found.weight, found.bias)
