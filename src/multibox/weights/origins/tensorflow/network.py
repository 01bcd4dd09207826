"""Writes the operations between the image and the predictors of a graph as the steps of a network."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from multibox.models.bases.graph.config import IMAGE, GraphConfig, GraphStep, Head, checked_shape, is_name
from multibox.models.bases.graph.config import Predictor as HeadPredictor
from multibox.models.bases.graph.layers.layer import MisfitError, Shape
from multibox.models.bases.graph.layers.learned import Convolution
from multibox.size import Size
from multibox.weights.origins.tensorflow.constants import Constants
from multibox.weights.origins.tensorflow.graph import Graph, Operation, most_values, same_padding
from multibox.weights.origins.tensorflow.image import CONVOLUTIONS, behind_convolutions
from multibox.weights.origins.tensorflow.layers import ALIASES, Part, UnknownOperationError, flattened, parts
from multibox.weights.origins.tensorflow.predictions import Predictions, Predictor

_MAX_ALIASES = 100
_MAX_STEPS = 5000


@dataclass(frozen=True, eq=False)
class Network:
    """The structure of a detector, and its values by the names of our tensors.

    `image` is the value of the graph that takes the image, `shapes` are those of all maps in the graph's order of axes.
    """

    config: GraphConfig
    tensors: dict[str, np.ndarray]
    image: str
    shapes: dict[str, tuple[int, ...]]


def write_network(graph: Graph, constants: Constants, predictions: Predictions, *, input_size: Size) -> Network:
    """The network of the predictions, with its values but those of the predictors.

    Raises WeightsError that names the first operation that is not known.
    """
    writer = _Writer(graph, constants, input_size)
    pairs = list(zip(predictions.boxes, predictions.classes, strict=True))
    wanted = [predictor.source for pair in pairs for predictor in pair]
    try:
        writer.write(wanted)
        heads = tuple(Head(writer.predictor(one), writer.predictor(other)) for one, other in pairs)
    except MisfitError as fault:
        raise graph.fail(f"contains a network that does not fit together: {fault}") from None
    config = GraphConfig(tuple(writer.steps()), heads)
    return Network(config, writer.tensors(), writer.image, writer.shapes())


@dataclass(eq=False)
class _Chain:
    """A step that is being written."""

    name: str
    inputs: tuple[str, ...]
    parts: list[Part]


class _Writer:
    """Turns operations into steps, inputs before their users. Values have the name that the graph gives them."""

    def __init__(self, graph: Graph, constants: Constants, input_size: Size) -> None:
        self._graph, self._constants = graph, constants
        self._behind = behind_convolutions(graph)
        self._image_shape: Shape = (3, *input_size)
        self._chains: list[_Chain] = []
        self._of: dict[str, _Chain] = {}
        self._shapes: dict[str, Shape] = {}
        self._names: set[str] = set()
        self._users: Counter[str] = Counter()
        self._repetitions: dict[str, Operation] = {}
        self.image = ""
        self._left = most_values(Path(graph.source).stat().st_size)

    def write(self, wanted: Sequence[str]) -> None:
        """Write everything that the wanted values need."""
        order = self._order([self._resolved(value) for value in wanted])
        self._users.update(self._resolved(value) for value in wanted)
        for operation in order:
            self._users.update(self._inputs(operation))
        for operation in order:
            self._add(operation)

    def steps(self) -> list[GraphStep]:
        """The steps in order."""
        return [
            GraphStep(chain.name, chain.inputs, tuple(part.layer for part in chain.parts)) for chain in self._chains
        ]

    def tensors(self) -> dict[str, np.ndarray]:
        """The values of all steps by the names of our tensors."""
        return {
            f"base.steps.{chain.name}.{at}.{name}": values
            for chain in self._chains
            for at, part in enumerate(chain.parts)
            for name, values in part.values.items()
        }

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shapes of the image and of all maps, with the names that the graph gives them."""
        maps = {self.image: self._image_shape, **self._shapes}
        known = {value: (1, *shape[1:], shape[0]) for value, shape in maps.items()}
        aliases = {value: self._resolved(value) for value in self._graph.operations}
        return known | {value: known[source] for value, source in aliases.items() if source in known}

    def predictor(self, found: Predictor) -> HeadPredictor:
        """A predictor of the graph as one of a head."""
        value = self._resolved(found.source)
        shape = self._shape(value)
        channels, *kernel = found.weights.shape[1:]
        options = found.operation.options
        stride = tuple(options.get("strides", (1, 1)))
        if any(side != 1 for side in stride) or options.get("padding") not in ("SAME", "VALID"):
            raise self._graph.fail(f"has a predictor {found.operation.name[:80]!r} that leaves out cells")
        pads = [same_padding(side, kernel=k, stride=1) for side, k in zip(shape[1:], kernel, strict=True)]
        if options["padding"] == "VALID":
            pads = [(0, 0), (0, 0)]
        if any(low != high for low, high in pads):
            raise self._graph.fail(f"has a predictor {found.operation.name[:80]!r} with an even kernel")
        size, padding = (kernel[0], kernel[1]), (pads[0][0], pads[1][0])
        return HeadPredictor(self._step_name(value), channels, size, (1, 1), padding)

    def _order(self, wanted: Sequence[str]) -> list[Operation]:
        """The operations that the values need, inputs first."""
        order: list[Operation] = []
        done: set[int] = set()
        waiting: list[tuple[str, bool]] = [(value, False) for value in reversed(wanted)]
        while waiting:
            value, ready = waiting.pop()
            operation = self._inside(value)
            if operation is None or (id(operation) in done and not ready):
                continue
            if ready:
                order.append(operation)
                continue
            done.add(id(operation))
            waiting.append((value, True))
            waiting += [(name, False) for name in reversed(self._inputs(operation))]
        if len(order) > _MAX_STEPS:
            raise self._graph.fail(f"needs {len(order)} operations, at most {_MAX_STEPS} are read")
        return order

    def _inside(self, value: str) -> Operation | None:
        """The operation of the network that gives a value, None if it is the image."""
        operation = self._graph.maker(value)
        within = operation is not None and (
            operation.kind in (*CONVOLUTIONS, "Pad") or not self._behind.isdisjoint(operation.outputs)
        )
        if within and operation is not None:
            return self._repetition(operation) if operation.kind == "Reshape" else operation
        if self.image not in ("", value):
            raise self._graph.fail(f"has two inputs, {self.image[:60]!r} and {value[:60]!r}; a detector has one image")
        self.image = value
        return None

    def _inputs(self, operation: Operation) -> list[str]:
        """The inputs that are not constant."""
        return [self._resolved(name) for name in operation.inputs if self._constants(name) is None]

    def _resolved(self, value: str) -> str:
        """The value behind operations that pass it on."""
        for _ in range(_MAX_ALIASES):
            operation = self._graph.maker(value)
            if operation is None or operation.kind not in ALIASES or not operation.inputs:
                break
            value = operation.inputs[0]
        return value

    def _shape(self, value: str) -> Shape:
        return self._image_shape if value == self.image else self._shapes[value]

    def _step_name(self, value: str) -> str:
        return IMAGE if value == self.image else self._of[value].name

    def _add(self, operation: Operation) -> None:
        """Append an operation to the step of its only input, or begin a step."""
        inputs = self._inputs(operation)
        if operation.kind in ("Mul", "Add", "AddV2") and len(inputs) == 2:
            inputs = self._with_vector(inputs)
        given = [self._shape(value) for value in inputs]
        try:
            made = parts(operation, given, self._constants)
        except UnknownOperationError as fault:
            raise self._graph.fail(
                f"contains the operation {operation.kind} ({operation.name[:80]!r}), which cannot be imported: {fault}"
            ) from None
        self._left -= sum(values.size for part in made for values in part.values.values())
        if self._left < 0:
            raise self._graph.fail("gives a network with more values than it has: copy or fetch it again")
        chain = self._chain(operation, inputs)
        for part in made:
            _append(chain.parts, part)
            given = [checked_shape(part.layer, given)]
        output = operation.outputs[0]
        self._of[output], self._shapes[output] = chain, given[0]

    def _repetition(self, reshape: Operation) -> Operation:
        """The API repeats rows and columns of a map by stacking it on itself; the same as one operation."""
        outer = self._graph.maker(self._resolved(reshape.inputs[0]))
        inner = self._graph.maker(self._resolved(outer.inputs[0])) if outer is not None and outer.inputs else None
        stacks = [stack for stack in (outer, inner) if stack is not None and _is_stack(stack)]
        if len(stacks) < 2 or inner is None or sorted(stack.options.get("axis", 0) for stack in stacks) != [2, 3]:
            return reshape
        by_axis = {stack.options["axis"]: len(stack.inputs) for stack in stacks}
        options = {"factor": (by_axis[2], by_axis[3])}
        made = Operation("Repeat", reshape.name, inner.inputs[:1], reshape.outputs, options)
        return self._repetitions.setdefault(reshape.name, made)

    def _with_vector(self, inputs: list[str]) -> list[str]:
        """The larger map first, and a second one of a single cell as a vector."""
        first, second = sorted(inputs, key=lambda value: -int(np.prod(self._shape(value)[1:])))
        one, other = self._shape(first), self._shape(second)
        if one == other or other[1:] != (1, 1):
            return inputs
        name = f"{second} as a vector"
        if name not in self._of:
            chain = _Chain(
                self._new_name(f"{self._step_name(second)}_vector"), (self._step_name(second),), [flattened()]
            )
            self._chains.append(chain)
            self._of[name], self._shapes[name] = chain, other[:1]
        return [first, name]

    def _chain(self, operation: Operation, inputs: Sequence[str]) -> _Chain:
        """The step to which an operation belongs: each convolution begins one."""
        before = self._of.get(inputs[0]) if len(inputs) == 1 and self._users[inputs[0]] == 1 else None
        if before is not None and operation.kind not in CONVOLUTIONS:
            return before
        names = tuple(self._step_name(value) for value in inputs)
        chain = _Chain(self._new_name(operation.name), names, [])
        self._chains.append(chain)
        return chain

    def _new_name(self, text: str) -> str:
        """A name for a step like that of the operation: the last of joined names, without the usual prefix."""
        last = text.split(";")[-1].removeprefix("FeatureExtractor/")
        plain = re.sub(r"[^A-Za-z0-9]+", "_", last).strip("_")[:150] or "step"
        name, number = plain, 2
        while name in self._names or name == IMAGE or not is_name(name):
            name, number = f"{plain}_{number}", number + 1
        self._names.add(name)
        return name


def _is_stack(operation: Operation) -> bool:
    """Whether the operation stacks one value on itself."""
    return operation.kind == "Pack" and len(set(operation.inputs)) == 1


def _append(chain: list[Part], part: Part) -> None:
    """Add a layer, or fold it into a convolution before it: a bias, or factors that precede one."""
    last = chain[-1] if chain else None
    plain = last is not None and isinstance(last.layer, Convolution) and not last.layer.bias
    if last is not None and isinstance(last.layer, Convolution) and plain and part.layer.kind == "scale":
        if set(part.values) == {"bias"}:
            values = {**last.values, "bias": part.values["bias"]}
            chain[-1] = Part(replace(last.layer, bias=True), values)
            return
        factors = part.values["weight"].reshape(-1, 1, 1, 1)
        chain[-1] = Part(last.layer, {"weight": last.values["weight"] * factors})
        return
    chain.append(part)
