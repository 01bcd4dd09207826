"""A network of TensorFlow as data: operations, constants, inputs and outputs, the same for both of its file formats.

Operations have the names of TensorFlow's frozen graphs. The reader of TFLite files translates its own names to these,
with the bias and the activation that it joins to a convolution as separate operations.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import ceil
from typing import Any

import numpy as np

from multibox.errors import WeightsError

MAX_OPERATIONS = 50_000


def most_values(size: int) -> int:
    """How many values a file of `size` bytes may give: each takes at least a byte, and some are used several times."""
    return 8 * size + (1 << 20)


Shape = tuple[int | None, ...]


@dataclass(frozen=True, eq=False)
class Operation:
    """One operation: the names of the values that it takes and gives, and its settings by name."""

    kind: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Quantization:
    """What whole numbers mean: (number - zero) · scale."""

    scale: float
    zero: int


@dataclass(frozen=True, eq=False)
class Graph:
    """All operations by the name of each of their outputs; `constants` and `inputs` are the values that have none.

    `source` is the name of the file in messages. `outputs` are empty if the format does not name them. `labels` are the
    class names in the file, `normalization` the mean and deviation that its metadata names, `quantized` what
    pixels of 0 to 255 mean as its input.
    """

    source: str
    operations: Mapping[str, Operation]
    constants: Mapping[str, np.ndarray]
    inputs: Mapping[str, Shape]
    outputs: tuple[str, ...] = ()
    labels: tuple[str, ...] | None = None
    normalization: tuple[float, float] | None = None
    quantized: Quantization | None = None

    def maker(self, value: str) -> Operation | None:
        """The operation that gives a value, None for inputs and constants."""
        return self.operations.get(value)

    def constant(self, value: str) -> np.ndarray | None:
        """The array of a constant, also behind operations that pass it on; None for other values."""
        for _ in range(100):
            if value in self.constants:
                return self.constants[value]
            made = self.maker(value)
            if made is None or made.kind != "Identity" or not made.inputs:
                return None
            value = made.inputs[0]
        return None

    def each(self) -> Iterator[Operation]:
        """Every operation once, in the order of the file."""
        seen: set[int] = set()
        for operation in self.operations.values():
            if id(operation) not in seen:
                seen.add(id(operation))
                yield operation

    def fail(self, fault: str) -> WeightsError:
        """The error for a file that is no detector that can be imported."""
        return WeightsError(f"{self.source} {fault}")


def same_padding(side: int, *, kernel: int, stride: int, dilation: int = 1) -> tuple[int, int]:
    """Zeros before and after a side with TensorFlow's padding "same"; an odd number puts one more after."""
    reach = (kernel - 1) * dilation + 1
    total = max(0, (ceil(side / stride) - 1) * stride + reach - side)
    return total // 2, total - total // 2
