"""A detector in two modules, as exported files hold it: images to offsets and logits, and these to detections."""

import torch
from jaxtyping import Float, Int64, UInt8
from torch import Tensor, nn

from multibox.models.folded import FoldedSSD
from multibox.models.ssd import SSD
from multibox.nms import DetectionSettings, select

INPUT = "images"
RAW_OUTPUTS = ("offsets", "logits")
OUTPUTS = ("boxes", "scores", "labels")


class Network(nn.Module):
    """RGB images as they lie in memory to offsets and logits; normalization included."""

    def __init__(self, model: SSD) -> None:
        super().__init__()
        self.folded = FoldedSSD(model)

    def forward(self, images: UInt8[Tensor, "b h w 3"]) -> tuple[Float[Tensor, "b p 4"], Float[Tensor, "b p k"]]:
        """Offsets and logits of all priors."""
        return self.folded(images.permute(0, 3, 1, 2).float())


class Choice(nn.Module):
    """Decoding, threshold, suppression and limits, with a fixed number N of rows for every image, the best first.

    N is `per_image`, or less where there are fewer candidates. Rows that no detection fills have score 0 and label -1.
    """

    def __init__(self, model: SSD) -> None:
        super().__init__()
        self.coder, self.config = model.coder, model.config

    def forward(
        self, offsets: Float[Tensor, "b p 4"], logits: Float[Tensor, "b p k"]
    ) -> tuple[Float[Tensor, "b n 4"], Float[Tensor, "b n"], Int64[Tensor, "b n"]]:
        """Boxes relative to the input and clipped to it, scores, labels 0 … C-1."""
        boxes = self.coder.decode(offsets)
        if self.config.clip:
            boxes = boxes.clamp(0, 1)
        scores = logits.softmax(dim=-1)[..., 1:]
        rule = self.config.detection
        return torch.ops.multibox.best_detections(
            boxes, scores, rule.score_threshold, rule.nms_threshold, rule.per_class, rule.per_image
        )


def _best_detections(
    boxes: Tensor, scores: Tensor, score_threshold: float, nms_threshold: float, per_class: int, per_image: int
) -> tuple[Tensor, Tensor, Tensor]:
    rule = DetectionSettings(score_threshold, nms_threshold, per_class, per_image)
    found = _unfilled(boxes, scores, score_threshold, nms_threshold, per_class, per_image)
    for image in range(len(boxes)):
        selection = select(boxes[image], scores[image], settings=rule)
        for filled, values in zip(found, selection, strict=True):
            filled[image, : len(values)] = values
    return found[0].clamp_(0, 1), found[1], found[2]


def _unfilled(
    boxes: Tensor, scores: Tensor, score_threshold: float, nms_threshold: float, per_class: int, per_image: int
) -> tuple[Tensor, Tensor, Tensor]:
    """The outputs with no detection in any row."""
    _, priors, classes = scores.shape
    shape = (boxes.shape[0], min(per_image, classes * min(per_class, priors)))
    return boxes.new_zeros((*shape, 4)), boxes.new_zeros(shape), boxes.new_full(shape, -1, dtype=torch.int64)


# An operator of its own, so that an exporter meets one node where the engine has a suppression of its own.
torch.library.define(
    "multibox::best_detections",
    "(Tensor boxes, Tensor scores, float score_threshold, float nms_threshold, int per_class, int per_image)"
    " -> (Tensor, Tensor, Tensor)",
)
torch.library.impl("multibox::best_detections", "CompositeExplicitAutograd", _best_detections)
torch.library.register_fake("multibox::best_detections", _unfilled)
