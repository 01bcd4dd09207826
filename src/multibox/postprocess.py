"""From the outputs of a network to detections: the rules of the official DetectionOutput layer, in one place.

The model, every engine and the exported graphs use these functions, so this file is part of the mathematics and knows
nothing of models and engines. The rules are those of detection_output_layer.cpp.
"""

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from multibox.batched_nms import BatchSelection, select_batch
from multibox.coder import Coder
from multibox.nms import DetectionSettings, Selection, select
from multibox.scores import ScoreFunction, class_scores, possible_priors


@torch.inference_mode()
def postprocess(
    offsets: Float[Tensor, "b p 4"],
    logits: Float[Tensor, "b p k"],
    *,
    coder: Coder,
    settings: DetectionSettings,
    clip: bool = False,
    score_function: ScoreFunction = "softmax",
) -> list[Selection]:
    """Detections of each image, best first, with boxes relative to the input and clipped to it, labels 0 … C-1.

    `logits` start with the background. `clip` cuts boxes to the image before suppression too, as torchvision does.
    """
    images = zip(offsets, logits.float(), strict=True)
    return [_detections(*one, coder, settings, clip=clip, function=score_function) for one in images]


@torch.inference_mode()
def postprocess_batch(
    offsets: Float[Tensor, "b p 4"],
    logits: Float[Tensor, "b p k"],
    *,
    coder: Coder,
    settings: DetectionSettings,
    clip: bool = False,
    score_function: ScoreFunction = "softmax",
) -> list[Selection]:
    """The detections of `postprocess`, on the CPU, for outputs on a device that computes asynchronously.

    The host waits for the device once for the batch, not dozens of times for each image. Images with more candidates
    than fit into the fixed shapes go through `postprocess`.
    """
    selected = select_detections(offsets, logits, coder, settings, clip=clip, score_function=score_function)
    rows = BatchSelection(*(part.cpu() for part in selected))
    found = []
    for image, (count, complete) in enumerate(zip(rows.counts.tolist(), rows.complete.tolist(), strict=True)):
        if complete:
            found.append(Selection(*(part[image, :count] for part in rows[:4])))
        else:
            one = slice(image, image + 1)
            (selection,) = postprocess(
                offsets[one],
                logits[one],
                coder=coder,
                settings=settings,
                clip=clip,
                score_function=score_function,
            )
            found.append(Selection(*(part.cpu() for part in selection)))
    return found


def select_detections(
    offsets: Float[Tensor, "b p 4"],
    logits: Float[Tensor, "b p k"],
    coder: Coder,
    settings: DetectionSettings,
    *,
    clip: bool = False,
    score_function: ScoreFunction = "softmax",
) -> BatchSelection:
    """Detections of a batch in fixed shapes on the device of the outputs; never waits for it."""
    boxes = decode_boxes(offsets, coder=coder, clip=clip)
    found = select_batch(boxes, class_scores(logits.float(), score_function), settings=settings)
    return found._replace(boxes=found.boxes.clamp(0, 1))


def decode_boxes(
    offsets: Float[Tensor, "*b n 4"], *, coder: Coder, clip: bool, rows: Int64[Tensor, " n"] | None = None
) -> Float[Tensor, "*b n 4"]:
    """Boxes as suppression compares them: corners relative to the input, cut to the image if `clip`.

    `rows` are the priors of the offsets, by default all.
    """
    boxes = coder.decode(offsets, rows=rows)
    return boxes.clamp(0, 1) if clip else boxes


def _detections(
    offsets: Float[Tensor, "p 4"],
    logits: Float[Tensor, "p k"],
    coder: Coder,
    settings: DetectionSettings,
    *,
    clip: bool,
    function: ScoreFunction,
) -> Selection:
    """Detections of one image. Only priors that can reach the score threshold are decoded and scored."""
    priors = possible_priors(logits, threshold=settings.score_threshold, function=function)
    boxes = decode_boxes(offsets[priors], coder=coder, clip=clip, rows=priors)
    found = select(boxes, class_scores(logits[priors], function), settings=settings)
    return found._replace(boxes=found.boxes.clamp(0, 1), priors=priors[found.priors])
