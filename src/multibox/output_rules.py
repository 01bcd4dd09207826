"""How the outputs of a network become detections, as plain data: all that postprocessing needs besides the outputs."""

from dataclasses import dataclass, field
from typing import Literal, get_args

from multibox.priors import PriorSpec, Variances
from multibox.size import Size

VARIANCES = (0.1, 0.1, 0.2, 0.2)

BoxCode = Literal["center_size", "corner", "corner_size"]
"""What the four offsets of a prior mean.

"center_size" is equation 2. "corner" offsets are the distances of the corners relative to the input, "corner_size"
offsets the same relative to the width and height of the prior.
"""

BOX_CODES: tuple[BoxCode, ...] = get_args(BoxCode)

ScoreFunction = Literal["softmax", "sigmoid"]
"""How logits become scores: SSD's softmax over background and classes, or a sigmoid for each class."""


@dataclass(frozen=True)
class DetectionSettings:
    """Thresholds of paper section 3.1 ("score", "nms") and the official code's limits per class and image.

    With `eta` below 1 suppression becomes stricter: each kept box multiplies the NMS threshold of its class by `eta`
    while that is above 0.5 (ApplyNMSFast in bbox_util.cpp).
    """

    score_threshold: float = 0.01
    nms_threshold: float = 0.45
    per_class: int = 400
    per_image: int = 200
    eta: float = 1.0


@dataclass(frozen=True)
class OutputRules:
    """Priors and variances that decode offsets, the functions of boxes and scores, and the detection settings.

    The fields are those of the same names in a ModelConfig, which has them as `rules`.
    """

    priors: PriorSpec
    variances: Variances = VARIANCES
    clip: bool = False
    score_function: ScoreFunction = "softmax"
    box_code: BoxCode = "center_size"
    detection: DetectionSettings = field(default_factory=DetectionSettings)

    @property
    def input_size(self) -> Size:
        return self.priors.input_size
