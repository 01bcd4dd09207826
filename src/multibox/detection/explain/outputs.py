"""What the network says at every prior of one image, before anything is selected."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float32

from multibox.coder import Coder
from multibox.detection.detector import Detector
from multibox.errors import UsageError
from multibox.images.prepare import Prepared
from multibox.output_rules import OutputRules
from multibox.postprocess import decode_boxes
from multibox.scores import class_scores


@dataclass(frozen=True, eq=False)
class NetworkOutputs:
    """Boxes, offsets and scores of all priors of one image; boxes and priors are corners relative to the image.

    Shapes: P priors, C classes. `scores` (P, C) are without the background. `background` (P,) are its scores, None if
    the score function has none. `config` are the rules for the outputs. `class_names` has a name for each column of
    `scores`; two names are equal if the detector's classes were renamed so.
    """

    config: OutputRules
    class_names: tuple[str, ...]
    priors: Float32[np.ndarray, "p 4"]
    boxes: Float32[np.ndarray, "p 4"]
    offsets: Float32[np.ndarray, "p 4"]
    scores: Float32[np.ndarray, "p c"]
    background: Float32[np.ndarray, " p"] | None


def network_outputs(detector: Detector, image: Prepared) -> NetworkOutputs:
    """Run the network on one image that is resized to the input.

    Raises UsageError for an engine whose file ends with detections, because these do not say where they come from.
    """
    outputs: Any = detector.engine.forward(image.pixels[None])
    config = detector.engine.config.rules
    shapes = [(config.priors.count, n) for n in (4, len(detector.engine.config.class_names) + 1)]
    if [tuple(part.shape[1:]) for part in outputs] != shapes:
        raise UsageError(
            f"{detector.engine.config.description} does not show offsets and scores of all priors: explain with the "
            "weight file, or export with --end raw"
        )
    offsets, logits = (torch.as_tensor(part).float().cpu()[0] for part in outputs)
    coder = Coder(config.priors, variances=config.variances, code=config.box_code)
    scores = class_scores(logits, config.score_function)
    softmax = config.score_function == "softmax"
    return NetworkOutputs(
        config,
        tuple(detector.names.get(name, name) for name in detector.engine.config.class_names),
        priors=coder.corners.numpy(),
        boxes=decode_boxes(offsets, coder=coder, clip=config.clip).numpy(),
        offsets=offsets.numpy(),
        scores=scores.numpy(),
        background=(1 - scores.sum(dim=1)).clamp(min=0).numpy() if softmax else None,
    )
