"""The interface of a layer description: plain data that checks shapes and builds a module.

Descriptions come from weight files, which can be damaged or hostile. So `shape` checks every number before anything is
built. Shapes leave out the batch: a map is (C, H, W), a vector (K,). Axes count the batch, as Caffe's do, so axis 1 is
the first of a shape.
"""

from abc import ABC, abstractmethod
from math import isfinite, prod
from typing import ClassVar

from torch import nn

Shape = tuple[int, ...]
Pair = tuple[int, int]
"""Values for height and width."""

MAX_KERNEL = 4096
MAX_CHANNELS = 65_536


class MisfitError(ValueError):
    """A value of a layer, or the shape of its input, breaks a rule; the text says which."""


class Layer(ABC):
    """One layer. A subclass is a frozen dataclass whose field `kind` names it in weight files.

    `inputs` is the number of maps that it takes, None for any number.
    """

    kind: str
    inputs: ClassVar[int | None] = 1

    @abstractmethod
    def shape(self, *given: Shape) -> Shape:
        """The shape of the output. Raises MisfitError if a value of the layer or a given shape is not allowed."""

    @abstractmethod
    def build(self) -> nn.Module:
        """The module, with PyTorch's default initialization."""

    def work(self, output: Shape) -> int:
        """About how many multiplications one image takes."""
        return prod(output)


def require(holds: object, rule: str) -> None:
    """Raise MisfitError with the rule if it does not hold."""
    if not holds:
        raise MisfitError(rule)


def within(name: str, value: float, low: float, high: float) -> None:
    """Raise MisfitError if a number is outside its range."""
    require(isfinite(value) and low <= value <= high, f"{name} is {value}, it must be {low} to {high}")


def require_map(given: Shape) -> None:
    """Raise MisfitError if a shape is not that of a map."""
    require(len(given) == 3, f"its input has shape {given} instead of channels, height and width")


def require_axis(axis: int, given: Shape) -> None:
    """Raise MisfitError if the shape has no such axis."""
    require(1 <= axis <= len(given), f"axis is {axis}, but its input has shape {given} after the batch")
