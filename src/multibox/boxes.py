"""Boxes as tensors of four values: corners (x1, y1, x2, y2) or center and size (cx, cy, w, h)."""

import torch
from jaxtyping import Float
from torch import Tensor


def to_corners(boxes: Float[Tensor, "*n 4"]) -> Float[Tensor, "*n 4"]:
    """Convert (cx, cy, w, h) to (x1, y1, x2, y2), in the same unit."""
    center, size = boxes[..., :2], boxes[..., 2:]
    return torch.cat([center - size / 2, center + size / 2], dim=-1)


def to_centers(boxes: Float[Tensor, "*n 4"]) -> Float[Tensor, "*n 4"]:
    """Convert (x1, y1, x2, y2) to (cx, cy, w, h), in the same unit."""
    low, high = boxes[..., :2], boxes[..., 2:]
    return torch.cat([(low + high) / 2, high - low], dim=-1)


def area(boxes: Float[Tensor, "*n 4"]) -> Float[Tensor, "*n"]:
    """Area of corner boxes; 0 if a box is inverted (`BBoxSize` of the official bbox_util.cpp)."""
    width, height = (boxes[..., 2:] - boxes[..., :2]).clamp(min=0).unbind(-1)
    return width * height


def iou(a: Float[Tensor, "*b n 4"], b: Float[Tensor, "*b m 4"]) -> Float[Tensor, "*b n m"]:
    """Intersection over union (jaccard overlap) of every pair of corner boxes; 0 if neither has an area.

    The order of operations is that of `JaccardOverlap` in the official bbox_util.cpp, so that comparisons of float32
    values with a threshold have the same outcome.
    """
    x1, y1, x2, y2 = a.unsqueeze(-2).unbind(-1)
    # Each coordinate of all boxes is contiguous, so that the processor computes several pairs at a time.
    left, top, right, bottom = b.transpose(-2, -1).contiguous().unsqueeze(-3).unbind(-2)
    width = (torch.minimum(x2, right) - torch.maximum(x1, left)).clamp_(min=0)
    height = (torch.minimum(y2, bottom) - torch.maximum(y1, top)).clamp_(min=0)
    intersection = width.mul_(height)
    union = (area(a).unsqueeze(-1) + area(b).unsqueeze(-2)).sub_(intersection)
    return intersection.div_(union.clamp_(min=torch.finfo(union.dtype).tiny))


def clip(boxes: Float[Tensor, "*n 4"], *, width: float, height: float) -> Float[Tensor, "*n 4"]:
    """Clip corner boxes to the rectangle from (0, 0) to (width, height)."""
    limit = boxes.new_tensor([width, height, width, height])
    return torch.minimum(boxes.clamp(min=0), limit)
