"""A detector as two modules, which exported files contain: from images to raw outputs, and from these to detections."""

import torch
from jaxtyping import Float, Int64, UInt8
from torch import Tensor, nn

from multibox.models.folded import FoldedSSD
from multibox.models.ssd import SSD
from multibox.postprocess import decode_boxes
from multibox.scores import class_scores

POSTPROCESS_PREFIX = "postprocess/"  # of the names of nodes and tensors that follow the network


class Network(nn.Module):
    """From RGB images in their own memory order to offsets and logits; normalization included.

    The mean is subtracted in that order: OpenVINO then drops the permutation, because its convolutions use it too.
    """

    mean: Tensor

    def __init__(self, model: SSD) -> None:
        super().__init__()
        self.folded = FoldedSSD(model)
        assert self.folded.mean is not None
        self.register_buffer("mean", self.folded.mean.flatten(), persistent=False)
        self.folded.mean = None

    def forward(self, images: UInt8[Tensor, "b h w 3"]) -> tuple[Float[Tensor, "b p 4"], Float[Tensor, "b p k"]]:
        """Offsets and logits of all priors."""
        return self.folded((images.float() - self.mean).permute(0, 3, 1, 2))


class Boxes(nn.Module):
    """The first half of `multibox.postprocess`, in operations that every runtime has; the caller selects."""

    def __init__(self, model: SSD) -> None:
        super().__init__()
        self.coder, self.config = model.coder, model.config

    def forward(
        self, offsets: Float[Tensor, "b p 4"], logits: Float[Tensor, "b p k"]
    ) -> tuple[Float[Tensor, "b p 4"], Float[Tensor, "b p c"]]:
        """Boxes of all priors as corners relative to the input, and their scores without background."""
        boxes = decode_boxes(offsets, coder=self.coder, clip=self.config.clip)
        return boxes, class_scores(logits, self.config.score_function)


class Postprocess(nn.Module):
    """`multibox.postprocess` with a fixed number N of rows for each image, best first, as a module to export.

    N is `per_image`, or less if there are fewer candidates. Unfilled rows have score 0 and label and prior -1.
    """

    def __init__(self, model: SSD) -> None:
        super().__init__()
        self.coder, self.config = model.coder, model.config

    def forward(
        self, offsets: Float[Tensor, "b p 4"], logits: Float[Tensor, "b p k"]
    ) -> tuple[Float[Tensor, "b n 4"], Float[Tensor, "b n"], Int64[Tensor, "b n"], Int64[Tensor, "b n"]]:
        """Boxes relative to the input and clipped to it, scores, labels 0 … C-1, indices of priors."""
        boxes = decode_boxes(offsets, coder=self.coder, clip=self.config.clip)
        rule = self.config.detection
        return torch.ops.multibox.select(
            boxes,
            class_scores(logits, self.config.score_function),
            rule.score_threshold,
            rule.nms_threshold,
            rule.per_class,
            rule.per_image,
        )


def _unfilled(
    boxes: Tensor, scores: Tensor, score_threshold: float, nms_threshold: float, per_class: int, per_image: int
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Outputs of the right shapes, for tracing."""
    _, priors, classes = scores.shape
    shape = (boxes.shape[0], min(per_image, classes * min(per_class, priors)))
    labels = boxes.new_full(shape, -1, dtype=torch.int64)
    return boxes.new_zeros((*shape, 4)), boxes.new_zeros(shape), labels, labels.clone()


# The selection is one operator, which only exists in exported graphs: each format translates it to its own suppression.
torch.library.define(
    "multibox::select",
    "(Tensor boxes, Tensor scores, float score_threshold, float nms_threshold, int per_class, int per_image)"
    " -> (Tensor, Tensor, Tensor, Tensor)",
)
torch.library.register_fake("multibox::select", _unfilled)
