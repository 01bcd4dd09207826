"""From the outputs of a network to detections: the rules of the official DetectionOutput layer, in one place.

The model, every engine and the exported graphs use these functions, so this file is part of the mathematics and knows
nothing of models and engines. The rules are those of detection_output_layer.cpp.
"""

from math import inf, log

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from multibox.batched_nms import BatchSelection, select_batch
from multibox.coder import Coder
from multibox.nms import DetectionSettings, Selection, select

_ROUNDING = 1e-3  # of a logarithm: generous for float32


@torch.inference_mode()
def postprocess(
    offsets: Float[Tensor, "b p 4"],
    logits: Float[Tensor, "b p k"],
    *,
    coder: Coder,
    settings: DetectionSettings,
    clip: bool = False,
) -> list[Selection]:
    """Detections of each image, best first, with boxes relative to the input and clipped to it, labels 0 … C-1.

    `logits` start with the background. `clip` cuts boxes to the image before suppression too, as torchvision does.
    """
    boxes = decode_boxes(offsets, coder=coder, clip=clip)
    return [_detections(b, rows, settings) for b, rows in zip(boxes, logits.float(), strict=True)]


@torch.inference_mode()
def postprocess_batch(
    offsets: Float[Tensor, "b p 4"],
    logits: Float[Tensor, "b p k"],
    *,
    coder: Coder,
    settings: DetectionSettings,
    clip: bool = False,
) -> list[Selection]:
    """The detections of `postprocess`, on the CPU, for outputs on a device that computes asynchronously.

    The host waits for the device once for the batch, not dozens of times for each image. Images with more candidates
    than fit into the fixed shapes go through `postprocess`.
    """
    rows = BatchSelection(*(part.cpu() for part in select_detections(offsets, logits, coder, settings, clip=clip)))
    found = []
    for image, (count, complete) in enumerate(zip(rows.counts.tolist(), rows.complete.tolist(), strict=True)):
        if complete:
            found.append(Selection(*(part[image, :count] for part in rows[:4])))
        else:
            one = slice(image, image + 1)
            (selection,) = postprocess(offsets[one], logits[one], coder=coder, settings=settings, clip=clip)
            found.append(Selection(*(part.cpu() for part in selection)))
    return found


def select_detections(
    offsets: Float[Tensor, "b p 4"],
    logits: Float[Tensor, "b p k"],
    coder: Coder,
    settings: DetectionSettings,
    *,
    clip: bool = False,
) -> BatchSelection:
    """Detections of a batch in fixed shapes on the device of the outputs; never waits for it."""
    boxes = decode_boxes(offsets, coder=coder, clip=clip)
    found = select_batch(boxes, class_scores(logits.float()), settings=settings)
    return found._replace(boxes=found.boxes.clamp(0, 1))


def decode_boxes(offsets: Float[Tensor, "*b p 4"], *, coder: Coder, clip: bool) -> Float[Tensor, "*b p 4"]:
    """Boxes as suppression compares them: corners relative to the input, cut to the image if `clip`."""
    boxes = coder.decode(offsets)
    return boxes.clamp(0, 1) if clip else boxes


def class_scores(logits: Float[Tensor, "*b k"]) -> Float[Tensor, "*b c"]:
    """Scores of all classes but the background."""
    return logits.softmax(dim=-1)[..., 1:]


def _detections(boxes: Float[Tensor, "p 4"], logits: Float[Tensor, "p k"], settings: DetectionSettings) -> Selection:
    """Detections of one image. Priors that cannot reach the score threshold are dropped before the softmax."""
    priors = _possible_priors(logits, settings.score_threshold)
    found = select(boxes[priors], class_scores(logits[priors]), settings=settings)
    return found._replace(boxes=found.boxes.clamp(0, 1), priors=priors[found.priors])


def _possible_priors(logits: Float[Tensor, "p k"], threshold: float) -> Int64[Tensor, " n"]:
    """Priors with a score that can pass: a score is below e^(its logit - the background's logit)."""
    margin = log(threshold) - _ROUNDING if threshold > 0 else -inf
    return torch.nonzero(logits[:, 1:].amax(dim=1) > logits[:, 0] + margin).squeeze(1)
