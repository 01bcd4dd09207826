"""From relative boxes and indices of priors to places in the image."""

import numpy as np
from jaxtyping import Float32

from multibox.detection.explain.explanation import Box, OtherBox, PriorPlace
from multibox.detection.explain.outputs import NetworkOutputs
from multibox.size import Size


class Places:
    """Places of the priors and boxes of one image of a size."""

    def __init__(self, outputs: NetworkOutputs, image_size: Size) -> None:
        self._outputs = outputs
        self._scale = np.array([image_size.width, image_size.height] * 2)

    def pixels(self, box: Float32[np.ndarray, "4"]) -> Box:
        """A relative box in pixels of the image; it may reach beyond the image."""
        x1, y1, x2, y2 = (box * self._scale).tolist()
        return x1, y1, x2, y2

    def inside(self, box: Float32[np.ndarray, "4"]) -> Box:
        """A relative box in pixels, cut to the image."""
        return self.pixels(box.clip(0, 1))

    def prior(self, index: int) -> PriorPlace:
        """Where a prior belongs."""
        spec, corners = self._outputs.config.priors, self._outputs.priors[index]
        position = spec.position(index)
        cells = spec.maps[position.map].cells
        step = np.array([1 / cells.width, 1 / cells.height], dtype=np.float32)
        low = np.array([position.column, position.row], dtype=np.float32) * step
        width, height = corners[2:] - corners[:2]
        return PriorPlace(
            index,
            position,
            Size(*cells),
            box=self.pixels(corners),
            cell=self.pixels(np.concatenate([low, low + step])),
            scale=float(np.sqrt(width * height)),
            ratio=float(width * spec.input_size.width / (height * spec.input_size.height)),
        )

    def other(self, prior: int, *, score: float, overlap: float) -> OtherBox:
        """The box of a prior, next to another one that it overlaps."""
        return OtherBox(self.inside(self._outputs.boxes[prior]), score, prior, overlap)
