"""Writes nodes as the steps of a graph, and their tensors under the names of the weight file."""

import re
from collections.abc import Sequence

from torch import Tensor

from multibox.models.bases.graph.config import IMAGE, GraphConfig, GraphStep, Head, is_name
from multibox.weights.origins.caffe.deploy.nodes import Node, consumers
from multibox.weights.origins.caffe.deploy.predictors import Convolved
from multibox.weights.origins.caffe.deploy.simplify import with_source


def write_steps(
    image: Node, nodes: Sequence[Node], location: Sequence[Convolved], confidence: Sequence[Convolved]
) -> tuple[GraphConfig, dict[str, Tensor]]:
    """The config of the graph, and the tensors of the whole detector."""
    chains = _chains(nodes, sources={found.source for found in (*location, *confidence)})
    names = {image: IMAGE}
    for chain in chains:
        names[chain[-1]] = _new_name(chain[0].name, set(names.values()))
    steps = [
        GraphStep(names[chain[-1]], tuple(names[n] for n in chain[0].inputs), tuple(node.known for node in chain))
        for chain in chains
    ]
    tensors = {
        f"base.steps.{names[chain[-1]]}.{place}.{name}": value
        for chain in chains
        for place, node in enumerate(chain)
        for name, value in node.tensors.items()
    }
    heads = []
    for number, (offsets, scores) in enumerate(zip(location, confidence, strict=True)):
        sides = {"location": offsets, "confidence": scores}
        for side, found in sides.items():
            tensors |= {f"heads.{side}.{number}.weight": found.weight, f"heads.{side}.{number}.bias": found.bias}
        heads.append(Head(*(with_source(found, names[found.source]).predictor for found in sides.values())))
    return GraphConfig(tuple(steps), tuple(heads)), tensors


def _chains(nodes: Sequence[Node], *, sources: set[Node]) -> list[list[Node]]:
    """Nodes that follow each other, as long as nothing else takes what is between them.

    In the order of their first nodes the inputs of a chain are ready, because only its first node takes other maps.
    """
    users = consumers(nodes)
    chains: list[list[Node]] = []
    ends: dict[Node, list[Node]] = {}
    for node in nodes:
        before = node.inputs[0]
        if len(node.inputs) == 1 and before in ends and len(users[before]) == 1 and before not in sources:
            chain = ends.pop(before)
            chain.append(node)
        else:
            chain = [node]
            chains.append(chain)
        ends[node] = chain
    return chains


def _new_name(text: str, used: set[str]) -> str:
    """The name of a layer with underscores for characters that names of steps cannot have, unlike all others."""
    name = re.sub(r"\W", "_", text, flags=re.ASCII)[:150] or "layer"
    number, chosen = 1, name
    while chosen in used or not is_name(chosen):
        number += 1
        chosen = f"{name}_{number}"
    return chosen
