"""Where a detection comes from: its prior, the cell of the source map, and the scores of all classes there."""

from typing import Any

import numpy as np
import torch

from multibox.coder import Coder
from multibox.detection.detector import Detector
from multibox.images.prepare import Prepared
from multibox.postprocess import decode_boxes
from multibox.scores import class_scores
from multibox.service.problem import Problem


def explain_prior(detector: Detector, image: Prepared, *, prior: int) -> dict[str, Any]:
    """The explanation of what the detector finds with one prior; boxes are in pixels of the original image.

    `scores` are those of all classes, best first, and `background`; they and `box` are None if the engine runs a file
    that ends with detections instead of raw outputs. Raises Problem 422 for a prior that does not exist.
    """
    model = detector.engine.config.model
    try:
        place = model.priors.position(prior)
    except IndexError as error:
        raise Problem(422, "unknown_prior", str(error)) from None
    cells = model.priors.maps[place.map].cells
    coder = Coder(model.priors, variances=model.variances, code=model.box_code)
    height, width = image.image_size
    scale = np.array([width, height, width, height])
    row, column = place.row / cells.height, place.column / cells.width
    cell = np.array([column, row, column + 1 / cells.width, row + 1 / cells.height])
    return {
        "prior": prior,
        "priors": model.priors.count,
        "map": {"number": place.map + 1, "of": len(model.priors.maps), "rows": cells.height, "columns": cells.width},
        "cell": {"row": place.row, "column": place.column, "box": _pixels(cell * scale)},
        "shape": {"number": place.box + 1, "of": model.priors.maps[place.map].boxes_per_cell},
        "prior_box": _pixels(coder.corners[prior].numpy() * scale),
        **_outputs(detector, image, prior=prior, coder=coder, scale=scale),
    }


def _outputs(detector: Detector, image: Prepared, *, prior: int, coder: Coder, scale: np.ndarray) -> dict[str, Any]:
    """What the network says at this prior, if the engine shows it."""
    outputs = detector.engine.forward(image.pixels[None])
    if not _is_raw(outputs, priors=coder.spec.count, classes=len(detector.class_names)):
        return {"box": None, "scores": None, "background": None}
    offsets, logits = (torch.as_tensor(part).float().cpu() for part in outputs)
    config = detector.engine.config.model
    box = decode_boxes(offsets, coder=coder, clip=config.clip)[0, prior].clamp(0, 1)
    scores = class_scores(logits, config.score_function)[0, prior].tolist()
    order = sorted(range(len(scores)), key=lambda label: -scores[label])
    return {
        "box": _pixels(box.numpy() * scale),
        "scores": [{"label": i, "name": detector.class_names[i], "score": round(scores[i], 6)} for i in order],
        "background": round(1 - sum(scores), 6) if config.score_function == "softmax" else None,
    }


def _is_raw(outputs: Any, *, priors: int, classes: int) -> bool:
    """Whether these are offsets and logits of every prior, the background included."""
    return len(outputs) == 2 and outputs[0].shape[1:] == (priors, 4) and outputs[1].shape[1:] == (priors, classes + 1)


def _pixels(box: np.ndarray) -> list[float]:
    return [round(float(side), 2) for side in box]
