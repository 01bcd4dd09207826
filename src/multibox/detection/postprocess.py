"""Detections from what engines give: raw outputs, or rows that the engine has already chosen."""

from collections.abc import Sequence
from math import inf, log

import numpy as np
import torch
from jaxtyping import Float, Float32, Shaped, UInt8
from torch import Tensor

from multibox.coder import Coder
from multibox.models.config import ModelConfig
from multibox.nms import Selection, select

Arrays = tuple[np.ndarray, ...]

_ROUNDING = 1e-3


class Chooser:
    """The rules of detection_output_layer.cpp for the outputs of a network with this configuration.

    The same as SSD.postprocess, in less time: priors whose best class is too far below the background for the threshold
    of the score are left out before the softmax and all that follows.
    """

    def __init__(self, config: ModelConfig) -> None:
        self.config = config
        self.coder = Coder(config.priors, variances=config.variances)
        threshold = config.detection.score_threshold
        self._margin = log(threshold) - _ROUNDING if threshold > 0 else -inf

    @torch.inference_mode()
    def __call__(self, offsets: Float[Tensor, "b p 4"], logits: Float[Tensor, "b p k"]) -> list[Selection]:
        """Detections of each image, best first, with boxes relative to the input."""
        return [self._choose(*image) for image in zip(offsets, logits, strict=True)]

    def _choose(self, offsets: Float[Tensor, "p 4"], logits: Float[Tensor, "p k"]) -> Selection:
        # A score is below e^(its logit - the background's), so others than these cannot pass.
        possible = torch.nonzero(logits[:, 1:].amax(dim=1) > logits[:, 0] + self._margin).squeeze(1)
        boxes = self.coder.decode(offsets)[possible]
        if self.config.clip:
            boxes = boxes.clamp(0, 1)
        scores = logits[possible].softmax(dim=-1)[:, 1:]
        return select(boxes, scores, settings=self.config.detection)


def filled_rows(
    boxes: Float32[np.ndarray, "b n 4"], scores: Float32[np.ndarray, "b n"], labels: Shaped[np.ndarray, "b n"]
) -> list[Selection]:
    """Detections of each image from rows of which the unfilled, at the end, have label -1."""
    counts = (labels >= 0).sum(axis=1)
    return [
        Selection(
            torch.from_numpy(boxes[i, :count]),
            torch.from_numpy(scores[i, :count]),
            torch.from_numpy(labels[i, :count].astype(np.int64)),
        )
        for i, count in enumerate(counts)
    ]


def pieces(images: UInt8[np.ndarray, "b h w 3"], *, size: int) -> list[UInt8[np.ndarray, "{size} h w 3"]]:
    """The images in groups for an engine that takes only `size` at once; the last is filled up with black ones."""
    missing = -len(images) % size
    if missing:
        images = np.concatenate([images, np.zeros_like(images, shape=(missing, *images.shape[1:]))])
    return [images[start : start + size] for start in range(0, len(images), size)]


def joined(parts: Sequence[Arrays], *, count: int) -> Arrays:
    """The outputs for the first `count` images from those of the groups."""
    if len(parts) == 1:
        return tuple(array[:count] for array in parts[0])
    return tuple(np.concatenate(arrays)[:count] for arrays in zip(*parts, strict=True))
