"""The interface between a Detector and the engine that runs its network."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, Union, runtime_checkable

import numpy as np
from jaxtyping import UInt8

from multibox.array_nms import ArraySelection
from multibox.output_rules import OutputRules
from multibox.size import Size

if TYPE_CHECKING:
    from multibox.models.config import ModelConfig


@dataclass(frozen=True)
class EngineConfig:
    """What an engine runs. `description` is for people: name, version and precision of what computes.

    `model` are the numbers of the network, or of an exported model only the rules for its outputs; `network` is its
    name.
    An engine that survives a fork works in a forked child if PyTorch and OpenCV use one thread there.
    """

    description: str
    class_names: tuple[str, ...]
    model: Union["ModelConfig", OutputRules]
    survives_fork: bool = True
    network: str = ""

    @property
    def rules(self) -> OutputRules:
        """How the outputs of the network become detections."""
        return self.model if isinstance(self.model, OutputRules) else self.model.rules

    @property
    def input_size(self) -> Size:
        """Size of the network input."""
        return self.model.input_size


@runtime_checkable
class Engine(Protocol):
    """A network in some engine, for any number of threads, also for their first call."""

    @property
    def config(self) -> EngineConfig: ...

    def forward(self, batch: UInt8[np.ndarray, "b h w 3"]) -> Any:
        """The network's raw outputs for RGB images at the input size; all work is done when this returns."""

    def postprocess(self, outputs: Any) -> list[ArraySelection]:
        """Detections of each image from the raw outputs, as `multibox.postprocess` finds them."""


class Loaded(NamedTuple):
    """An engine with its network, and the `info` of the file: recipe, training data, score."""

    engine: Engine
    info: dict[str, Any]
