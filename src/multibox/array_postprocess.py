"""`multibox.postprocess` for NumPy arrays: from the outputs of an exported network to detections, without PyTorch."""

from math import inf, log

import numpy as np
from jaxtyping import Float32, Int64

from multibox.array_nms import ArraySelection, select_arrays
from multibox.output_rules import DetectionSettings, OutputRules, ScoreFunction
from multibox.priors import make_prior_corners, make_priors, map_variances

_ROUNDING = 1e-3  # of a logarithm: generous for float32


class ArrayPostprocess:
    """Decodes, scores and selects by the rules of a detector; the priors are computed once."""

    def __init__(self, rules: OutputRules) -> None:
        self.rules = rules
        self._priors, self._corners = make_priors(rules.priors), make_prior_corners(rules.priors)
        self._variances = map_variances(rules.priors, rules.variances)

    @np.errstate(over="ignore", invalid="ignore")
    def __call__(
        self, offsets: Float32[np.ndarray, "b p 4"], logits: Float32[np.ndarray, "b p k"]
    ) -> list[ArraySelection]:
        """Detections of each image, best first, with boxes relative to the input and clipped to it, labels 0 … C-1."""
        return [self._detections(*image) for image in zip(offsets, logits, strict=True)]

    def decode(
        self, offsets: Float32[np.ndarray, "*b n 4"], *, rows: Int64[np.ndarray, " n"] | None = None
    ) -> Float32[np.ndarray, "*b n 4"]:
        """Boxes as corners relative to the input, not clipped (`Coder.decode`).

        `rows` are the priors of the offsets, by default all.
        """
        priors, corners, variances = self._priors, self._corners, self._variances
        if rows is not None:
            priors, corners = priors[rows], corners[rows]
            variances = variances if variances.ndim == 1 else variances[rows]
        scaled = offsets * variances
        if self.rules.box_code == "corner":
            return corners + scaled
        if self.rules.box_code == "corner_size":
            return corners + scaled * np.tile(corners[:, 2:] - corners[:, :2], 2)
        center = priors[:, :2] + scaled[..., :2] * priors[:, 2:]
        half = priors[:, 2:] * np.exp(scaled[..., 2:]) / 2
        return np.concatenate([center - half, center + half], axis=-1)

    def _detections(self, offsets: Float32[np.ndarray, "p 4"], logits: Float32[np.ndarray, "p k"]) -> ArraySelection:
        """Detections of one image. Only priors that can reach the score threshold are decoded and scored."""
        function, settings = self.rules.score_function, self.rules.detection
        priors = _possible_priors(logits, threshold=settings.score_threshold, function=function)
        boxes = self.decode(offsets[priors], rows=priors)
        boxes = boxes.clip(0, 1) if self.rules.clip else boxes
        found = select_clipped(boxes, array_scores(logits[priors], function), settings=settings)
        return found._replace(priors=priors[found.priors])


def select_clipped(
    boxes: Float32[np.ndarray, "p 4"], scores: Float32[np.ndarray, "p c"], *, settings: DetectionSettings
) -> ArraySelection:
    """Detections of one image from the boxes and scores of priors, clipped to the image after their selection."""
    found = select_arrays(boxes, scores, settings=settings)
    return found._replace(boxes=found.boxes.clip(0, 1))


def array_scores(
    logits: Float32[np.ndarray, "*b k"], function: ScoreFunction = "softmax"
) -> Float32[np.ndarray, "*b c"]:
    """Scores of all classes but the background, which is the first logit."""
    if function == "sigmoid":
        return np.float32(1) / (np.float32(1) + np.exp(-logits[..., 1:]))
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return (powers / powers.sum(axis=-1, keepdims=True))[..., 1:]


def _possible_priors(
    logits: Float32[np.ndarray, "p k"], *, threshold: float, function: ScoreFunction
) -> Int64[np.ndarray, " n"]:
    """Priors with a score that can pass the threshold, and few others; see `multibox.scores.possible_priors`."""
    margin = log(threshold) - _ROUNDING if threshold > 0 else -inf
    best = logits[:, 1:].max(axis=1)
    return np.flatnonzero(best > margin if function == "sigmoid" else best > logits[:, 0] + np.float32(margin))
