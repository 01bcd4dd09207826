"""What a Detector asks of the engine that runs its network."""

from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import UInt8

from multibox.nms import Selection
from multibox.size import Size


@runtime_checkable
class Backend(Protocol):
    """A network in some engine. Boxes in a Selection are relative to the input."""

    @property
    def engine(self) -> str:
        """What runs the network, for people: name, version, number type."""

    @property
    def class_names(self) -> tuple[str, ...]: ...

    @property
    def input_size(self) -> Size: ...

    def forward(self, batch: UInt8[np.ndarray, "b h w 3"]) -> Any:
        """The network's raw outputs for RGB images at the input size; complete when this returns."""

    def select(self, outputs: Any) -> list[Selection]:
        """Detections of each image from the raw outputs, best first."""
