"""The interface between a Detector and the engine that runs its network."""

from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
from jaxtyping import UInt8

from multibox.models.config import ModelConfig
from multibox.nms import Selection
from multibox.size import Size


@dataclass(frozen=True)
class EngineConfig:
    """What an engine runs. `description` is for people: name, version and precision of what computes.

    An engine that survives a fork works in a forked child if PyTorch and OpenCV use one thread there.
    """

    description: str
    class_names: tuple[str, ...]
    model: ModelConfig
    survives_fork: bool = True

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

    def postprocess(self, outputs: Any) -> list[Selection]:
        """Detections of each image from the raw outputs, as `multibox.postprocess` returns them, on the CPU."""


class Loaded(NamedTuple):
    """An engine with its network, and the `info` of the file: recipe, training data, score."""

    engine: Engine
    info: dict[str, Any]
