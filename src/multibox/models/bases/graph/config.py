"""A network whose structure is data: a list of steps in the weight file instead of a class of this package.

Models of other programs have structures of their own. Their importers write each one as a `GraphConfig`: named steps
from the image to the maps that predict, and for each group of priors the two predictors.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import Literal

from torch import nn

from multibox.models.bases.config import BaseConfig
from multibox.models.bases.graph.layers.known import KnownLayer, TaggedLayer
from multibox.models.bases.graph.layers.layer import MAX_KERNEL, MisfitError, Pair, Shape, require, within
from multibox.models.bases.graph.layers.learned import BatchNorm, Convolution
from multibox.models.bases.graph.network import GraphHeads, GraphNetwork
from multibox.models.heads import Heads
from multibox.size import Size

IMAGE = "image"
"""The name of the network's input among the maps."""

MAX_STEPS = 5_000
MAX_LAYERS = 20_000
MAX_VALUES = 1 << 28
"""Values of one map of one image: a gigabyte in float32."""
MAX_WORK = 1 << 41
"""Multiplications for one image: SSD512 on VGG16 has 2^37."""


@dataclass(frozen=True)
class GraphStep:
    """Layers that run one after the other on the maps called `inputs`; the result is the map called `name`.

    Only the first layer can take several maps. Weights have the name of the step and the position of the layer.
    """

    name: str
    inputs: tuple[str, ...]
    layers: tuple[TaggedLayer, ...]


@dataclass(frozen=True)
class Predictor:
    """A convolution of the map called `source` that predicts offsets or scores. Its outputs depend on the classes."""

    source: str
    channels: int
    kernel: Pair = (3, 3)
    stride: Pair = (1, 1)
    padding: Pair = (1, 1)
    dilation: Pair = (1, 1)

    def convolution(self, outputs: int) -> Convolution:
        """The layer with that many output channels."""
        return Convolution(self.channels, outputs, self.kernel, self.stride, self.padding, self.dilation)


@dataclass(frozen=True)
class Head:
    """The predictors of one group of priors. They give maps of the same size, often of the same source."""

    location: Predictor
    confidence: Predictor


@dataclass(frozen=True)
class GraphConfig(BaseConfig):
    """A network given by its steps; it has predictors of its own, and neither extra layers nor a choice of sources."""

    steps: tuple[GraphStep, ...]
    heads: tuple[Head, ...]
    kind: Literal["graph"] = "graph"

    @classmethod
    def named(cls) -> dict[str, BaseConfig]:
        """None: a graph comes from a weight file, not from a name."""
        return {}

    @property
    def strides(self) -> tuple[int, ...]:
        """None: the maps of a graph follow from its steps, see `cells`."""
        return ()

    @property
    def has_batch_norm(self) -> bool:
        return any(isinstance(layer, BatchNorm) for step in self.steps for layer in step.layers)

    @property
    def owns_heads(self) -> bool:
        return True

    @property
    def predictors(self) -> tuple[Predictor, ...]:
        """Those of the offsets in order of the priors, then those of the scores."""
        return (*(head.location for head in self.heads), *(head.confidence for head in self.heads))

    def build(self) -> GraphNetwork:
        layers = {step.name: [layer.build() for layer in step.layers] for step in self.steps}
        channels = {predictor.source: predictor.channels for predictor in self.predictors}
        return GraphNetwork(layers, {step.name: step.inputs for step in self.steps}, outputs=channels, image=IMAGE)

    def make_heads(self, channels: tuple[int, ...], *, boxes_per_cell: tuple[int, ...], outputs: int) -> Heads:
        """The predictors, each on its own source."""
        names = list(dict.fromkeys(predictor.source for predictor in self.predictors))
        location = self._convolutions([head.location for head in self.heads], [4 * n for n in boxes_per_cell])
        confidence = self._convolutions([head.confidence for head in self.heads], [outputs * n for n in boxes_per_cell])
        places = [names.index(predictor.source) for predictor in self.predictors]
        return GraphHeads(location, confidence, places=places, outputs=outputs)

    @staticmethod
    def _convolutions(predictors: list[Predictor], outputs: list[int]) -> list[nn.Module]:
        return [p.convolution(number).build() for p, number in zip(predictors, outputs, strict=True)]

    def cells(self, input_size: Size) -> tuple[Size, ...]:
        shapes = self._shapes(input_size)
        maps = (head.location.convolution(4).shape(shapes[head.location.source]) for head in self.heads)
        return tuple(Size(*shape[1:]) for shape in maps)

    def fault(self) -> str | None:
        count = len(self.steps)
        if not 0 <= count <= MAX_STEPS or sum(len(step.layers) for step in self.steps) > MAX_LAYERS:
            return f"steps has {count} steps, at most {MAX_STEPS} with {MAX_LAYERS} layers are allowed"
        if not 1 <= len(self.heads) <= 32:
            return f"heads has {len(self.heads)} entries, 1 to 32 are allowed"
        return next(self._name_faults(), None)

    def size_fault(self, input_size: Size) -> str | None:
        try:
            shapes = self._shapes(input_size)
        except MisfitError as fault:
            return str(fault)
        for number, head in enumerate(self.heads):
            try:
                _check_head(head, shapes)
            except MisfitError as fault:
                return f"heads.{number}: {fault}"
        return None

    def _name_faults(self) -> Iterator[str]:
        known = {IMAGE}
        for number, step in enumerate(self.steps):
            if not is_name(step.name) or step.name in known:
                yield f"steps.{number}.name is {step.name[:100]!r}, which is no name of a step, or is used twice"
            if not step.layers or not step.inputs or not known.issuperset(step.inputs):
                yield f"steps.{number} needs at least one layer, and inputs that are earlier steps or {IMAGE!r}"
            for place, layer in enumerate(step.layers):
                wanted = len(step.inputs) if place == 0 else 1
                if layer.inputs not in (None, wanted):
                    yield f"steps.{number}.layers.{place} takes {layer.inputs} maps, and gets {wanted}"
            known.add(step.name)
        for predictor in self.predictors:
            if predictor.source not in known:
                yield f"heads has the source {predictor.source[:100]!r}, which is not the name of a step"

    def _shapes(self, input_size: Size) -> dict[str, Shape]:
        """The shapes of all maps. Raises MisfitError that names the step and the layer."""
        shapes: dict[str, Shape] = {IMAGE: (3, *input_size)}
        work = 0
        for number, step in enumerate(self.steps):
            given = [shapes[name] for name in step.inputs]
            for place, layer in enumerate(step.layers):
                try:
                    given = [checked_shape(layer, given)]
                except MisfitError as fault:
                    raise MisfitError(f"steps.{number}.layers.{place} ({layer.kind}): {fault}") from None
                work += layer.work(given[0])
            shapes[step.name] = given[0]
        require(work <= MAX_WORK, f"steps need {work} multiplications for an image, at most {MAX_WORK} are allowed")
        return shapes


def checked_shape(layer: KnownLayer, given: list[Shape]) -> Shape:
    """The output's shape of a layer that is not empty and not too large. Raises MisfitError."""
    shape = layer.shape(*given)
    require(all(side >= 1 for side in shape), f"its output has no values: shape {shape}")
    require(prod(shape) <= MAX_VALUES, f"its output has shape {shape}, at most {MAX_VALUES} values are allowed")
    return shape


def is_name(text: str) -> bool:
    """Whether a step can have this name: letters, digits and underscores, and no name that a module container uses."""
    return re.fullmatch(r"[A-Za-z0-9_]{1,200}", text) is not None and not hasattr(nn.ModuleDict, text)


def _check_head(head: Head, shapes: dict[str, Shape]) -> None:
    location, confidence = (
        predictor.convolution(4).shape(shapes[predictor.source]) for predictor in (head.location, head.confidence)
    )
    for side in location[1:]:
        within("rows or columns", side, 1, MAX_KERNEL)
    require(location == confidence, f"offsets have {location[1:]} cells, and scores {confidence[1:]}")
