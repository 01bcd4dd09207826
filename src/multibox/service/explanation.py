"""Where a detection comes from, as /v1/explain answers it: prior, cell, scores, and the boxes that it suppressed."""

from typing import Any

import numpy as np

from multibox.coder import Coder
from multibox.detection.detector import Detector
from multibox.detection.explain.explain import explain_candidate
from multibox.detection.explain.fates import Fate, follow_candidates
from multibox.detection.explain.outputs import NetworkOutputs, network_outputs
from multibox.detection.explain.places import Places
from multibox.errors import UsageError
from multibox.images.prepare import Prepared
from multibox.service.problem import Problem
from multibox.size import Size


def explain_prior(detector: Detector, image: Prepared, *, prior: int) -> dict[str, Any]:
    """The explanation of what the detector finds with one prior; boxes are in pixels of the original image.

    `scores` are those of all classes, best first. `suppressed` is the number of boxes that the detection removed, None
    if the prior made no detection. All of these are None if the engine runs a file that ends with detections. Raises
    Problem 422 for a prior that does not exist.
    """
    place = _place(detector, prior, image.image_size)
    try:
        outputs = network_outputs(detector, image)
    except UsageError:
        return {**place, "box": None, "scores": None, "background": None, "suppressed": None}
    return {**place, **_found(outputs, image.image_size, prior=prior)}


def _place(detector: Detector, prior: int, image_size: Size) -> dict[str, Any]:
    """What the geometry alone tells: the prior's map, cell and boxes."""
    model = detector.engine.config.model
    try:
        place = model.priors.position(prior)
    except IndexError as error:
        raise Problem(422, "unknown_prior", str(error)) from None
    source = model.priors.maps[place.map]
    rows, columns = source.cells
    cell = np.array([place.column, place.row, place.column + 1, place.row + 1]) / [columns, rows, columns, rows]
    scale = [image_size.width, image_size.height] * 2
    corners = Coder(model.priors, variances=model.variances).corners[prior].numpy()
    return {
        "prior": prior,
        "priors": model.priors.count,
        "map": {"number": place.map + 1, "of": len(model.priors.maps), "rows": rows, "columns": columns},
        "cell": {"row": place.row, "column": place.column, "box": _rounded(cell * scale)},
        "shape": {"number": place.box + 1, "of": source.boxes_per_cell},
        "prior_box": _rounded(corners * scale),
    }


def _found(outputs: NetworkOutputs, image_size: Size, *, prior: int) -> dict[str, Any]:
    """What the network says at this prior."""
    places = Places(outputs, image_size)
    scores = outputs.scores[prior].tolist()
    order = sorted(range(len(scores)), key=lambda label: -scores[label])
    background = None if outputs.background is None else round(float(outputs.background[prior]), 6)
    return {
        "box": _rounded(np.array(places.inside(outputs.boxes[prior]))),
        "scores": [{"label": i, "name": outputs.class_names[i], "score": round(scores[i], 6)} for i in order],
        "background": background,
        "suppressed": _suppressed(outputs, places, prior=prior),
    }


def _suppressed(outputs: NetworkOutputs, places: Places, *, prior: int) -> int | None:
    """The number of boxes that the best detection of a prior removed."""
    fates = follow_candidates(outputs.boxes, outputs.scores, settings=outputs.config.detection)
    for one in fates:
        if one.fate is Fate.KEPT and one.prior == prior:
            return len(explain_candidate(outputs, places, one, fates).suppressed)
    return None


def _rounded(box: np.ndarray) -> list[float]:
    return [round(float(side), 2) for side in box]
