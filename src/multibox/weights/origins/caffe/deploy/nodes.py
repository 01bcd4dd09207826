"""The graph of a Caffe network while it is imported: nodes in the order of execution, with their tensors."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from multibox.models.bases.graph.config import checked_shape
from multibox.models.bases.graph.layers.known import KnownLayer
from multibox.models.bases.graph.layers.layer import MisfitError, Shape
from multibox.priors import PriorMap
from multibox.size import Size
from multibox.weights.origins.caffe.deploy.read import DeployLayer


@dataclass(eq=False)
class Node:
    """One layer of ours, what it takes, and the shape of its output without the batch.

    The image and the layers that only give priors have no layer of ours; the latter have their `priors`.
    """

    name: str
    type: str
    layer: KnownLayer | None
    inputs: "list[Node]"
    shape: Shape
    tensors: dict[str, Tensor] = field(default_factory=dict)
    priors: PriorMap | None = None

    @property
    def known(self) -> KnownLayer:
        """The layer of a node that computes something."""
        assert self.layer is not None
        return self.layer


@dataclass(eq=False)
class Made:
    """What a converter works with: a Caffe layer, its inputs, its arrays, and the nodes so far, to which it adds."""

    source: DeployLayer
    inputs: list[Node]
    arrays: Sequence[np.ndarray]
    nodes: list[Node]
    input_size: Size

    @property
    def first(self) -> Node:
        return self.inputs[0]

    def add(self, layer: KnownLayer, *inputs: Node, tensors: dict[str, Tensor] | None = None) -> Node:
        """A new node on the layer's inputs, or on the given nodes. Raises WeightsError if they do not fit."""
        given = list(inputs) or self.inputs
        if layer.inputs not in (None, len(given)):
            raise self.source.error(f"takes {len(given)} inputs, and multibox knows it with {layer.inputs}")
        try:
            shape = checked_shape(layer, [node.shape for node in given])
        except MisfitError as fault:
            raise self.source.error(f"does not fit its input: {fault}") from None
        node = Node(self.source.name, self.source.type, layer, given, shape, tensors or {})
        self.nodes.append(node)
        return node

    def tensor(self, number: int, shape: Sequence[int], *, what: str) -> Tensor:
        """Array `number` of the layer in a shape, which old files write with more sides. Raises WeightsError."""
        if number >= len(self.arrays):
            raise self.source.error(f"has no {what} in the .caffemodel file: give the files of one model")
        array = self.arrays[number]
        if array.size != int(np.prod(shape)):
            raise self.source.error(
                f"has {what} of shape {array.shape} in the .caffemodel file and of {tuple(shape)} in the .prototxt "
                "file: give the files of one model"
            )
        if not np.isfinite(array).all():
            raise self.source.error(f"has {what} that are not finite numbers: copy or fetch the file again")
        return torch.from_numpy(array.astype(np.float32)).reshape(*shape)


def consumers(nodes: Sequence[Node]) -> dict[Node, list[Node]]:
    """The nodes that take each node."""
    users: dict[Node, list[Node]] = {}
    for node in nodes:
        for source in node.inputs:
            users.setdefault(source, []).append(node)
    return users


def reachable(nodes: Sequence[Node], wanted: Sequence[Node]) -> list[Node]:
    """The nodes that the wanted ones need, themselves included, in order."""
    needed, stack = set(), list(wanted)
    while stack:
        node = stack.pop()
        if node not in needed:
            needed.add(node)
            stack.extend(node.inputs)
    return [node for node in nodes if node in needed and node.layer is not None]
