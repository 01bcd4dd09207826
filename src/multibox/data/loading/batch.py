"""A batch of training samples as tensors."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool, Float32, Int64, UInt8
from torch import Tensor

from multibox.data.augmentation.sample import Sample


@dataclass(frozen=True, eq=False)
class Batch:
    """The input of one training step.

    `images` are RGB of the network's input size, stored channels last. `boxes` are corners relative to the input. Rows
    beyond the objects of an image are padding, with label -1 and `valid` false. Crowd regions are not `valid` either,
    nor are difficult objects if the recipe leaves them out. `names` are the ids of the examples. `unreadable` has a
    line for each image that could not be decoded and was replaced by the next one.
    """

    images: UInt8[Tensor, "b 3 h w"]
    boxes: Float32[Tensor, "b g 4"]
    labels: Int64[Tensor, "b g"]
    valid: Bool[Tensor, "b g"]
    difficult: Bool[Tensor, "b g"]
    names: list[str]
    unreadable: tuple[str, ...] = ()

    def to(self, device: torch.device | str, *, non_blocking: bool = False) -> "Batch":
        """The same batch on another device."""
        return self._with_tensors(lambda tensor: tensor.to(device, non_blocking=non_blocking))

    def pin_memory(self) -> "Batch":
        """The same batch in page-locked memory. Copies from it to a CUDA device run parallel to computation."""
        return self._with_tensors(lambda tensor: tensor.pin_memory())

    def share_memory(self) -> "Batch":
        """The same batch in memory that other processes can map. Raises RuntimeError if there is not enough of it."""
        return self._with_tensors(lambda tensor: tensor.share_memory_())

    def _with_tensors(self, function: Callable[[Tensor], Tensor]) -> "Batch":
        return replace(
            self,
            images=function(self.images),
            boxes=function(self.boxes),
            labels=function(self.labels),
            valid=function(self.valid),
            difficult=function(self.difficult),
        )


def collate(
    samples: Sequence[Sample], *, names: list[str], use_difficult: bool, unreadable: tuple[str, ...] = ()
) -> Batch:
    """Stack the images, and pad the objects to the largest number in the batch, at least one row."""
    rows = max(1, *(len(sample.labels) for sample in samples))
    boxes = np.zeros((len(samples), rows, 4), np.float32)
    labels = np.full((len(samples), rows), -1, np.int64)
    valid, difficult = np.zeros((2, len(samples), rows), bool)
    for i, sample in enumerate(samples):
        count = len(sample.labels)
        boxes[i, :count], labels[i, :count], difficult[i, :count] = sample.boxes, sample.labels, sample.difficult
        valid[i, :count] = ~sample.crowd & (use_difficult | ~sample.difficult)
    return Batch(
        images=torch.from_numpy(np.stack([sample.image for sample in samples])).permute(0, 3, 1, 2),
        boxes=torch.from_numpy(boxes),
        labels=torch.from_numpy(labels),
        valid=torch.from_numpy(valid),
        difficult=torch.from_numpy(difficult),
        names=names,
        unreadable=unreadable,
    )
