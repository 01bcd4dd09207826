"""Caffe's DetectionOutput layer: from what, and by which rules, a network makes its detections."""

from dataclasses import dataclass, field

from multibox.coder import BoxCode
from multibox.models.rule_faults import MAX_DETECTIONS
from multibox.nms import DetectionSettings
from multibox.weights.origins.caffe.deploy.nodes import Node
from multibox.weights.origins.caffe.deploy.options import Options
from multibox.weights.origins.caffe.deploy.read import DeployLayer

_CODES: dict[str, BoxCode] = {
    **{"CORNER": "corner", "1": "corner", "CENTER_SIZE": "center_size", "2": "center_size"},
    **{"CORNER_SIZE": "corner_size", "3": "corner_size"},
}


@dataclass(frozen=True, eq=False)
class Output:
    """The blobs of offsets, scores and priors, and the rules.

    `classes` counts the background, None if no layer says how many there are. `background` is its label, -1 if there
    is none. Without `shared` offsets each class has boxes of its own. `scaled` says whether offsets are to be
    multiplied by the variances. `source` is the layer in messages.
    """

    location: Node
    scores: Node
    priors: Node | None
    source: str
    classes: int | None = None
    background: int = 0
    settings: DetectionSettings = field(default_factory=DetectionSettings)
    code: BoxCode = "center_size"
    shared: bool = True
    scaled: bool = True
    clip: bool = False


def detection_output(layer: DeployLayer, inputs: list[Node]) -> Output:
    """The options of the layer. Raises WeightsError for what multibox does not have."""
    if len(inputs) != 3:
        raise layer.error(f"has {len(inputs)} inputs, and multibox knows it with three: offsets, scores and priors")
    options = layer.options("detection_output_param")
    options.ignore("save_output_param", "visualize", "visualize_threshold", "save_file")
    classes = options.whole("num_classes", 0)
    background = options.whole("background_label_id", 0)
    shared = options.flag("share_location", default=True)
    if not shared and classes - (background >= 0) > 1:
        raise options.wrong("share_location", "false", "true: a box for all classes of a prior, if there are several")
    if not options.flag("normalized", default=True):
        raise options.wrong("normalized", "false", "true: boxes relative to the image")
    if classes < 1 or background >= classes:
        raise options.wrong("num_classes", classes, "a number above background_label_id")
    output = Output(
        location=inputs[0],
        scores=inputs[1],
        priors=inputs[2],
        source=layer.where,
        classes=classes,
        background=max(background, -1),
        settings=_settings(options),
        code=options.word("code_type", among=_CODES, default="CORNER"),
        shared=shared,
        scaled=not options.flag("variance_encoded_in_target", default=False),
        clip=options.flag("clip", default=False),
    )
    options.finish()
    return output


def _settings(options: Options) -> DetectionSettings:
    nms = options.inner("nms_param")
    per_class, per_image = nms.whole("top_k", -1), options.whole("keep_top_k", -1)
    settings = DetectionSettings(
        score_threshold=max(0.0, options.number("confidence_threshold", 0)),
        nms_threshold=nms.number("nms_threshold", 0.3),
        per_class=per_class if per_class > 0 else MAX_DETECTIONS,
        per_image=per_image if per_image > 0 else MAX_DETECTIONS,
        eta=nms.number("eta", 1),
    )
    nms.finish()
    if not 0 < settings.eta <= 1:
        raise nms.wrong("eta", settings.eta, "a number above 0, at most 1")
    return settings
